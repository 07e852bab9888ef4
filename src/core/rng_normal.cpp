// SPDX-License-Identifier: Apache-2.0
// Normal draws by Box–Muller in arithmetic of our own: only operations that IEEE 754 rounds in one way, in one order, so
// that the bits depend neither on the C library nor on the width of the vectors. Built with -ffp-contract=off.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/philox.h"
#include "loongforge/core/rng.h"

namespace loongforge {
namespace {

constexpr size_t kBlock = 128;  // pairs drawn at a time
/// Adding and taking it away rounds a small double to an integer.
constexpr double kRounder = 0x1.8p52;

// Coefficients of z^0, z^1, …: atanh(s)/s − 1 over z = s², and sin(r)/r and cos(r) over z = r².
constexpr std::array<double, 11> kAtanh = [] {
  std::array<double, 11> c{};
  for (size_t k = 0; k < c.size(); ++k) c[k] = 1.0 / static_cast<double>(2 * k + 3);
  return c;
}();
constexpr std::array<double, 10> alternating_factorials(double first) {
  std::array<double, 10> c{1.0};
  for (size_t k = 1; k < c.size(); ++k, first += 2) c[k] = -c[k - 1] / (first * (first + 1));
  return c;
}
constexpr auto kSine = alternating_factorials(2), kCosine = alternating_factorials(1);

template <size_t kCount>
[[gnu::always_inline]] inline double horner(double z, const std::array<double, kCount>& c) {
  return [&]<size_t... kIndex>(std::index_sequence<kIndex...>) __attribute__((always_inline)) {
    double sum = c[kCount - 1];
    ((sum = sum * z + c[kCount - 2 - kIndex]), ...);
    return sum;
  }(std::make_index_sequence<kCount - 1>());
}

/// The 53 highest bits of low | high << 32 as a number in [0, 1).
[[gnu::always_inline]] inline double unit_of(uint32_t low, uint32_t high) {
  const auto upper = static_cast<int32_t>(high >> 6), lower = static_cast<int32_t>((high & 0x3F) << 21 | low >> 11);
  return upper * 0x1p-26 + lower * 0x1p-53;
}

/// Natural logarithm of x in [2^-53, 1], within an ulp or two: x = 2^e·m with m around 1, log m = 2·atanh((m−1)/(m+1)).
[[gnu::always_inline]] inline double log_of(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  double exponent = std::bit_cast<double>((bits >> 52) | 0x4330000000000000u) - (0x1p52 + 1023);
  double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u);
  const bool large = m > std::numbers::sqrt2;
  m = large ? m * 0.5 : m;
  exponent = large ? exponent + 1.0 : exponent;
  const double s = (m - 1.0) / (m + 1.0), z = s * s;
  // ln 2 in two parts, the first with 21 zero bits at its end, so that its product with the exponent is exact.
  constexpr double kHigh = 0x1.62e42feep-1, kLow = 0x1.a39ef35793c76p-33;
  return exponent * kHigh + (exponent * kLow + (2.0 * s + 2.0 * s * z * horner(z, kAtanh)));
}

/// Cosine and sine of 2π·turns for turns in [0, 1): Taylor series on a quarter around each axis.
[[gnu::always_inline]] inline void turn_of(double turns, double& cosine, double& sine) {
  const double quarters = turns * 4.0, nearest = (quarters + kRounder) - kRounder;
  const double r = (quarters - nearest) * (std::numbers::pi / 2), z = r * r;
  const double s = r * horner(z, kSine), c = horner(z, kCosine);
  const bool swapped = (nearest == 1.0) | (nearest == 3.0);
  const double x = swapped ? s : c, y = swapped ? c : s;
  cosine = (nearest == 1.0) | (nearest == 2.0) ? -x : x;
  sine = (nearest == 2.0) | (nearest == 3.0) ? -y : y;
}

/// Elements 2·first … 2·(first + count) − 1 of the stream.
[[gnu::always_inline]] inline void draw_pairs(RngKey key, uint64_t first, size_t count, double* out) {
  double a[kBlock], b[kBlock];
  for (size_t i = 0; i < count; ++i) {
    const uint64_t counter = first + i;
    uint32_t c0 = static_cast<uint32_t>(counter), c1 = static_cast<uint32_t>(counter >> 32);
    uint32_t c2 = static_cast<uint32_t>(kNormalStream), c3 = static_cast<uint32_t>(kNormalStream >> 32);
    philox_rounds(key.value, c0, c1, c2, c3);
    a[i] = unit_of(c0, c1);
    b[i] = unit_of(c2, c3);
  }
  for (size_t i = 0; i < count; ++i) {
    double cosine, sine;
    turn_of(b[i], cosine, sine);
    const double radius = std::sqrt(-2.0 * log_of(1.0 - a[i]));
    out[2 * i] = radius * cosine;
    out[2 * i + 1] = radius * sine;
  }
}

using Draw = void (*)(RngKey key, uint64_t first, size_t count, double* out);
void draw_plain(RngKey key, uint64_t first, size_t count, double* out) { draw_pairs(key, first, count, out); }
#if defined(__x86_64__)
[[gnu::target("avx2")]] void draw_avx2(RngKey key, uint64_t first, size_t count, double* out) {
  draw_pairs(key, first, count, out);
}
const Draw kDraw = __builtin_cpu_supports("avx2") ? draw_avx2 : draw_plain;
#else
constexpr Draw kDraw = draw_plain;
#endif

}  // namespace

double normal(RngKey key, uint64_t index) {
  double pair[2];
  draw_plain(key, index / 2, 1, pair);
  return pair[index % 2];
}

void normal_range(RngKey key, uint64_t first, std::span<double> out) {
  size_t i = 0;
  if (first % 2 == 1 && !out.empty()) out[i++] = normal(key, first);
  while (i + 1 < out.size()) {
    const size_t count = std::min(kBlock, (out.size() - i) / 2);
    kDraw(key, (first + i) / 2, count, out.data() + i);
    i += 2 * count;
  }
  if (i < out.size()) out[i] = normal(key, first + i);
}

}  // namespace loongforge
