// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/table.h"

#include "kernels/cpu/vec.h"

namespace loongforge::cpu::LF_ISA {

extern const AttentionKernels attention_kernels;

extern const KernelTable kernel_table;
const KernelTable kernel_table{.isa = LF_ISA_NAME, .vector_width = kWidth, .attention = &attention_kernels};

}  // namespace loongforge::cpu::LF_ISA
