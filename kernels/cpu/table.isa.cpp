// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/table.h"

#include "kernels/cpu/vec.h"

namespace loongforge::cpu::LF_ISA {

extern const AdamWKernels adamw_kernels;
extern const AttentionKernels attention_kernels;
extern const CrossEntropyKernels cross_entropy_kernels;
extern const GatedKernels gated_kernels;
extern const NormKernels norm_kernels;
extern const RopeKernels rope_kernels;
extern const ScatterKernels scatter_kernels;

extern const KernelTable kernel_table;
const KernelTable kernel_table{.isa = LF_ISA_NAME,
                               .vector_width = kWidth,
                               .adamw = &adamw_kernels,
                               .attention = &attention_kernels,
                               .cross_entropy = &cross_entropy_kernels,
                               .gated = &gated_kernels,
                               .norm = &norm_kernels,
                               .rope = &rope_kernels,
                               .scatter = &scatter_kernels};

}  // namespace loongforge::cpu::LF_ISA
