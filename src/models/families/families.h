// SPDX-License-Identifier: Apache-2.0
// The forward of each family that comes with the library.
#pragma once
#include "loongforge/nn/block.h"

namespace loongforge::models {

nn::ModelFactory llama_factory();
nn::ModelFactory qwen2_factory();
nn::ModelFactory qwen3_factory();

}  // namespace loongforge::models
