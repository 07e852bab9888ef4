// SPDX-License-Identifier: Apache-2.0
// Element types without torch, with the spellings of safetensors, Hugging Face configs and ours.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace loongforge {

enum class Dtype : uint8_t { f64, f32, bf16, f16, f8_e4m3, f8_e5m2, i64, i32, i16, i8, u8, boolean };

size_t dtype_size(Dtype dtype);
/// safetensors spelling: "F32", "BF16", "F8_E4M3", "I64", "U8", "BOOL"…
std::string_view safetensors_name(Dtype dtype);
std::optional<Dtype> dtype_from_safetensors(std::string_view name);
/// Hugging Face spelling: "float32", "bfloat16"… ; also reads "fp32", "bf16", "torch.bfloat16".
std::string_view dtype_name(Dtype dtype);
std::optional<Dtype> dtype_from_name(std::string_view name);
constexpr bool is_floating(Dtype d) { return d <= Dtype::f8_e5m2; }

/// The accumulation type max(fp32, dtype): norms, softmax, rope tables, logits, losses, gradients, masters.
constexpr Dtype acc(Dtype dtype) { return dtype == Dtype::f64 ? Dtype::f64 : Dtype::f32; }

}  // namespace loongforge
