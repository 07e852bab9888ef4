// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/components/rope.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace loongforge::spec {
namespace {

using std::numbers::pi;

template <class Real>
std::vector<Real> plain_frequencies(double theta, int64_t width) {
  std::vector<Real> result;
  for (int64_t i = 0; i < width / 2; ++i) {
    const Real exponent = static_cast<Real>(2 * i) / static_cast<Real>(width);
    const Real power = static_cast<Real>(std::pow(theta, static_cast<double>(exponent)));
    result.push_back(Real(1) / power);
  }
  return result;
}

template <class Real>
void scale_llama3(const RopeConfig& rope, std::vector<Real>& frequencies) {
  const double original = static_cast<double>(rope.original_max_position_embeddings);
  const Real low = static_cast<Real>(rope.low_freq_factor), factor = static_cast<Real>(rope.factor);
  const Real spread = static_cast<Real>(rope.high_freq_factor - rope.low_freq_factor);
  for (Real& f : frequencies) {
    const Real wavelength = static_cast<Real>(2 * pi) / f;
    if (wavelength > original / rope.low_freq_factor) {
      f /= factor;
    } else if (wavelength >= original / rope.high_freq_factor) {
      const Real smooth = (static_cast<Real>(original) / wavelength - low) / spread;
      f = (1 - smooth) * f / factor + smooth * f;
    }
  }
}

double correction_dim(const RopeConfig& rope, double rotations, int64_t width) {
  const double original = static_cast<double>(rope.original_max_position_embeddings);
  return static_cast<double>(width) * std::log(original / (rotations * 2 * pi)) / (2 * std::log(rope.theta));
}

template <class Real>
void scale_yarn(const RopeConfig& rope, int64_t width, std::vector<Real>& frequencies) {
  double low = correction_dim(rope, rope.beta_fast, width), high = correction_dim(rope, rope.beta_slow, width);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(width - 1));
  if (low == high) high += 0.001;
  const Real origin = static_cast<Real>(low), spread = static_cast<Real>(high - low),
             factor = static_cast<Real>(rope.factor);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const Real ramp = std::clamp((static_cast<Real>(i) - origin) / spread, Real(0), Real(1));
    const Real kept = 1 - ramp, power = 1 / frequencies[i];
    frequencies[i] = 1 / (factor * power) * (1 - kept) + frequencies[i] * kept;
  }
}

template <class Real>
std::vector<double> frequencies_of(const RopeConfig& rope, int64_t width) {
  std::vector<Real> frequencies = plain_frequencies<Real>(rope.theta, width);
  switch (rope.type) {
    case RopeType::none:
    case RopeType::dynamic: break;
    case RopeType::linear:
      for (Real& f : frequencies) f /= static_cast<Real>(rope.factor);
      break;
    case RopeType::llama3: scale_llama3(rope, frequencies); break;
    case RopeType::yarn: scale_yarn(rope, width, frequencies); break;
  }
  return {frequencies.begin(), frequencies.end()};
}

double magnitude(double scale, double mscale) { return scale <= 1 ? 1.0 : 0.1 * mscale * std::log(scale) + 1.0; }

}  // namespace

std::string_view rope_type_name(RopeType type) {
  constexpr std::array<std::string_view, 5> kNames = {"default", "linear", "dynamic", "llama3", "yarn"};
  return kNames.at(static_cast<size_t>(type));
}

int64_t RopeConfig::rotary_dim(int64_t head_dim) const {
  return static_cast<int64_t>(static_cast<double>(head_dim) * partial_rotary_factor);
}

std::vector<double> inv_freq(const RopeConfig& rope, int64_t head_dim, RopeRounding rounding) {
  const int64_t width = rope.rotary_dim(head_dim);
  return rounding == RopeRounding::fp32 ? frequencies_of<float>(rope, width) : frequencies_of<double>(rope, width);
}

double attention_factor(const RopeConfig& rope) {
  if (rope.type != RopeType::yarn) return 1.0;
  if (rope.attention_factor) return *rope.attention_factor;
  if (rope.mscale != 0 && rope.mscale_all_dim != 0) {
    return magnitude(rope.factor, rope.mscale) / magnitude(rope.factor, rope.mscale_all_dim);
  }
  return magnitude(rope.factor, 1.0);
}

}  // namespace loongforge::spec
