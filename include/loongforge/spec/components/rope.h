// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding: its configuration and inverse frequencies (models §0.2).
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace loongforge::spec {

enum class RopeType : uint8_t { none, linear, dynamic, llama3, yarn };
std::string_view rope_type_name(RopeType type);

/// Keys as in Hugging Face's rope_parameters; a type reads only its own.
struct RopeConfig {
  RopeType type = RopeType::none;
  double theta = 10000.0;
  double partial_rotary_factor = 1.0;  ///< share of head_dim that is rotated
  double factor = 1.0;
  int64_t original_max_position_embeddings = 0;
  double low_freq_factor = 1.0, high_freq_factor = 4.0;  ///< llama3
  double beta_fast = 32.0, beta_slow = 1.0;              ///< yarn
  double mscale = 0.0, mscale_all_dim = 0.0;             ///< yarn; 0: absent
  std::optional<double> attention_factor;                ///< yarn
  bool truncate = true;                                  ///< yarn: whole correction dimensions

  /// Features of a head that are rotated; the rest passes through.
  int64_t rotary_dim(int64_t head_dim) const;
};

/// fp32: every operation rounded to fp32, which is how transformers computes the frequencies.
enum class RopeRounding : uint8_t { fp64, fp32 };

/// Inverse frequencies, [rotary_dim / 2]. `dynamic` scales nothing within max_position_embeddings and is plain here.
std::vector<double> inv_freq(const RopeConfig& rope, int64_t head_dim, RopeRounding rounding = RopeRounding::fp64);
/// What cos and sin are multiplied by: 1 but for yarn.
double attention_factor(const RopeConfig& rope);

}  // namespace loongforge::spec
