// SPDX-License-Identifier: Apache-2.0
// Qwen2, Qwen2.5: the decoder body with biases on q, k, v, which its parameters bring.
#include "loongforge/models/components/decoder.h"
#include "models/families/families.h"

namespace loongforge::models {

nn::ModelFactory qwen2_factory() { return decoder_factory(); }

}  // namespace loongforge::models
