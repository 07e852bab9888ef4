// SPDX-License-Identifier: Apache-2.0
#include "loongforge/platform/dtype.h"

#include <array>
#include <utility>

#include "loongforge/core/error.h"

namespace loongforge::platform {
namespace {

constexpr std::array<std::pair<Dtype, at::ScalarType>, 12> kPairs{{
    {Dtype::f64, at::ScalarType::Double},
    {Dtype::f32, at::ScalarType::Float},
    {Dtype::bf16, at::ScalarType::BFloat16},
    {Dtype::f16, at::ScalarType::Half},
    {Dtype::f8_e4m3, at::ScalarType::Float8_e4m3fn},
    {Dtype::f8_e5m2, at::ScalarType::Float8_e5m2},
    {Dtype::i64, at::ScalarType::Long},
    {Dtype::i32, at::ScalarType::Int},
    {Dtype::i16, at::ScalarType::Short},
    {Dtype::i8, at::ScalarType::Char},
    {Dtype::u8, at::ScalarType::Byte},
    {Dtype::boolean, at::ScalarType::Bool},
}};

}  // namespace

at::ScalarType to_torch(Dtype dtype) {
  for (const auto& [ours, theirs] : kPairs) {
    if (ours == dtype) return theirs;
  }
  LF_ASSERT(false, "dtype {} has no torch type", static_cast<int>(dtype));
  return at::ScalarType::Undefined;
}

Dtype from_torch(at::ScalarType dtype) {
  for (const auto& [ours, theirs] : kPairs) {
    if (theirs == dtype) return ours;
  }
  throw ConfigError(fmt::format("element type {} is not supported", c10::toString(dtype)),
                    "use one of float64, float32, bfloat16, float16, float8, int8..int64, uint8, bool");
}

at::ScalarType acc(at::ScalarType dtype) {
  if (!c10::isFloatingType(dtype)) return dtype;
  return to_torch(loongforge::acc(from_torch(dtype)));
}

std::string describe(const at::Tensor& tensor) {
  if (!tensor.defined()) return "(no tensor)";
  std::string text{dtype_name(from_torch(tensor.scalar_type()))};
  text += " [";
  for (int64_t i = 0; i < tensor.dim(); ++i) text += fmt::format("{}{}", i ? ", " : "", tensor.size(i));
  return text + "]";
}

}  // namespace loongforge::platform
