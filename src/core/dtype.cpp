// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/dtype.h"

#include <array>

#include "loongforge/core/error.h"

namespace loongforge {
namespace {

struct Row {
  Dtype dtype;
  size_t size;
  std::string_view safetensors;
  std::string_view name;
  std::string_view alias;
  std::string_view alias2 = "";
};

constexpr std::array kRows = {
    Row{Dtype::f64, 8, "F64", "float64", "fp64", "double"},
    Row{Dtype::f32, 4, "F32", "float32", "fp32", "float"},
    Row{Dtype::bf16, 2, "BF16", "bfloat16", "bf16"},
    Row{Dtype::f16, 2, "F16", "float16", "fp16", "half"},
    Row{Dtype::f8_e4m3, 1, "F8_E4M3", "float8_e4m3fn", "fp8_e4m3", "float8_e4m3"},
    Row{Dtype::f8_e5m2, 1, "F8_E5M2", "float8_e5m2", "fp8_e5m2"},
    Row{Dtype::i64, 8, "I64", "int64", "long"},
    Row{Dtype::i32, 4, "I32", "int32", "int"},
    Row{Dtype::i16, 2, "I16", "int16", "short"},
    Row{Dtype::i8, 1, "I8", "int8", "int8"},
    Row{Dtype::u8, 1, "U8", "uint8", "uint8"},
    Row{Dtype::boolean, 1, "BOOL", "bool", "bool"},
};

const Row& row(Dtype dtype) {
  auto index = static_cast<size_t>(dtype);
  LF_ASSERT(index < kRows.size() && kRows[index].dtype == dtype);
  return kRows[index];
}

}  // namespace

size_t dtype_size(Dtype dtype) { return row(dtype).size; }
std::string_view safetensors_name(Dtype dtype) { return row(dtype).safetensors; }
std::string_view dtype_name(Dtype dtype) { return row(dtype).name; }

std::optional<Dtype> dtype_from_safetensors(std::string_view name) {
  for (const Row& r : kRows) {
    if (r.safetensors == name) return r.dtype;
  }
  return std::nullopt;
}

std::optional<Dtype> dtype_from_name(std::string_view name) {
  constexpr std::string_view kPrefix = "torch.";
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  for (const Row& r : kRows) {
    if (!name.empty() && (r.name == name || r.alias == name || r.alias2 == name)) return r.dtype;
  }
  return std::nullopt;
}

}  // namespace loongforge
