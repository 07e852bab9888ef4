// SPDX-License-Identifier: Apache-2.0
// Conversions, exponentials and reductions of every instruction set that this machine runs, against scalar arithmetic.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/cpu/dispatch.h"
#include "vec_probe.h"

namespace loongforge::cpu {
namespace portable {
extern const VecProbe vec_probe;
}
#if defined(__x86_64__)
namespace avx2 {
extern const VecProbe vec_probe;
}
namespace avx512 {
extern const VecProbe vec_probe;
}
namespace avx512_bf16 {
extern const VecProbe vec_probe;
}
#endif

namespace {

const VecProbe& probe_of(const std::string& isa) {
#if defined(__x86_64__)
  if (isa == "avx2") return avx2::vec_probe;
  if (isa == "avx512") return avx512::vec_probe;
  if (isa == "avx512_bf16") return avx512_bf16::vec_probe;
#endif
  return portable::vec_probe;
}

class Vec : public ::testing::TestWithParam<const KernelTable*> {
 protected:
  const VecProbe& probe_ = probe_of(GetParam()->isa);
};

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Values around every power of two, random ones, and those that are no numbers.
std::vector<float> samples() {
  std::vector<float> values{0.0f,     -0.0f,    kInf,     -kInf,  kNan, std::bit_cast<float>(0x7fffffffu),
                            65504.0f, 65519.9f, 65520.0f, 3.4e38f};
  std::mt19937 engine(5);
  for (int exponent = -126; exponent <= 127; ++exponent) {
    for (int i = 0; i < 40; ++i) {
      const uint32_t bits =
          (static_cast<uint32_t>(exponent + 127) << 23) | (engine() & (i % 2 ? 0x7fffffu : 0x7ff000u));
      values.push_back(std::bit_cast<float>(bits));
      values.push_back(std::bit_cast<float>(bits | 0x80000000u));
    }
  }
  return values;
}

/// x to the nearest multiple of the format's step at x (ties to even), by exact arithmetic in double.
double rounded(double x, int mantissa_bits, int min_exponent, double largest) {
  if (!std::isfinite(x) || x == 0) return x;
  const double step = std::ldexp(1.0, std::max(std::ilogb(x), min_exponent) - mantissa_bits);
  const double result = std::nearbyint(x / step) * step;
  return std::abs(result) > largest ? std::copysign(kInf, x) : result;
}

void expect_same(double expected, float actual, float source) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(actual)) << source;
  } else {
    EXPECT_EQ(static_cast<float>(expected), actual) << source;
  }
}

TEST_P(Vec, Bf16RoundsToNearestEvenAndBack) {
  const std::vector<float> x = samples();
  const int n = static_cast<int>(x.size());
  std::vector<Bf16> narrow(x.size());
  std::vector<float> back(x.size());
  probe_.to_bf16(x.data(), narrow.data(), n);
  probe_.from_bf16(narrow.data(), back.data(), n);
  for (int i = 0; i < n; ++i) expect_same(rounded(x[i], 7, -126, 3.3895314e38), back[i], x[i]);
}

TEST_P(Vec, Fp16RoundsToNearestEvenAndBack) {
  const std::vector<float> x = samples();
  const int n = static_cast<int>(x.size());
  std::vector<Fp16> narrow(x.size());
  std::vector<float> back(x.size());
  probe_.to_fp16(x.data(), narrow.data(), n);
  probe_.from_fp16(narrow.data(), back.data(), n);
  for (int i = 0; i < n; ++i) expect_same(rounded(x[i], 10, -14, 65504.0), back[i], x[i]);
}

TEST_P(Vec, Exp2IsWithinThreeRoundingsOfTheTruth) {
  std::vector<float> x{0.0f, 1.0f, -1.0f, 0.5f, -0.5f, 127.9f, -125.9f};
  std::mt19937 engine(6);
  std::uniform_real_distribution<float> spread(-126.0f, 127.9f);
  for (int i = 0; i < 5000; ++i) x.push_back(spread(engine));
  std::vector<float> y(x.size());
  probe_.exp2(x.data(), y.data(), static_cast<int>(x.size()));
  for (size_t i = 0; i < x.size(); ++i) {
    const double truth = std::exp2(static_cast<double>(x[i]));
    EXPECT_NEAR(y[i] / truth, 1.0, 2e-7) << x[i];
  }
}

TEST_P(Vec, Exp2OfTheExtremes) {
  const std::vector<float> x{-kInf, kInf, kNan, 128.5f, 3e38f, -151.0f, -3e38f};
  std::vector<float> y(x.size());
  probe_.exp2(x.data(), y.data(), static_cast<int>(x.size()));
  EXPECT_EQ(y[0], 0.0f);
  EXPECT_EQ(y[1], kInf);
  EXPECT_TRUE(std::isnan(y[2]));
  EXPECT_EQ(y[3], kInf);
  EXPECT_EQ(y[4], kInf);
  EXPECT_EQ(y[5], 0.0f);
  EXPECT_EQ(y[6], 0.0f);
}

TEST_P(Vec, ReductionsSeeEveryLane) {
  for (int n = 1; n <= 40; ++n) {
    std::vector<float> x(n, 1.0f);
    for (int i = 0; i < n; ++i) {
      x[i] = 7.0f;
      EXPECT_EQ(probe_.sum(x.data(), n), n + 6.0f);
      EXPECT_EQ(probe_.largest(x.data(), n), 7.0f);
      x[i] = 1.0f;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, Vec, ::testing::ValuesIn(usable_tables()),
                         [](const auto& info) { return std::string(info.param->isa); });

}  // namespace
}  // namespace loongforge::cpu
