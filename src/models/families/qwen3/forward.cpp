// SPDX-License-Identifier: Apache-2.0
// Qwen3: the decoder body with norms of each head before the rotation, which its parameters bring.
#include "loongforge/models/components/decoder.h"
#include "models/families/families.h"

namespace loongforge::models {

nn::ModelFactory qwen3_factory() { return decoder_factory(); }

}  // namespace loongforge::models
