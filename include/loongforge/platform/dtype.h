// SPDX-License-Identifier: Apache-2.0
// Between our torch-free element types and torch's.
#pragma once
#include <ATen/core/Tensor.h>

#include "loongforge/core/dtype.h"

namespace loongforge::platform {

at::ScalarType to_torch(Dtype dtype);
/// Throws ConfigError for types that we don't carry (complex, quantised, …).
Dtype from_torch(at::ScalarType dtype);

/// The accumulation type max(fp32, dtype); integer types accumulate as themselves.
at::ScalarType acc(at::ScalarType dtype);

/// "float32 [4, 8]": element type and shape, for messages.
std::string describe(const at::Tensor& tensor);

}  // namespace loongforge::platform
