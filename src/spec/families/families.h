// SPDX-License-Identifier: Apache-2.0
// The built-in families, one function each; Registry::builtin() lists them.
#pragma once
#include "loongforge/spec/model_spec.h"

namespace loongforge::spec {

Family llama_family();  ///< LLaMA 2, 3, 3.1, 3.2 text
Family qwen2_family();  ///< Qwen2, Qwen2.5
Family qwen3_family();  ///< Qwen3 dense

}  // namespace loongforge::spec
