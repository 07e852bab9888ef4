// SPDX-License-Identifier: Apache-2.0
// LLaMA 2, 3, 3.1: the plain decoder body.
#include "loongforge/models/components/decoder.h"
#include "models/families/families.h"

namespace loongforge::models {

nn::ModelFactory llama_factory() { return decoder_factory(); }

}  // namespace loongforge::models
