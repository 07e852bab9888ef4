// SPDX-License-Identifier: Apache-2.0
// What one instruction set's build offers. Kernels run on the calling thread, over raw pointers, strides and a
// workspace that the caller provides; the caller deals their units of work to threads.
#pragma once
#include "kernels/cpu/adamw.h"
#include "kernels/cpu/attention.h"
#include "kernels/cpu/cross_entropy.h"
#include "kernels/cpu/gated.h"
#include "kernels/cpu/norm.h"
#include "kernels/cpu/rope.h"
#include "kernels/cpu/scatter.h"

namespace loongforge::cpu {

/// The kernels of one instruction set. Each member points at a plain struct of function pointers, declared in
/// the header of its name: pointers, so that no code of this set runs to fill the table when the program starts.
struct KernelTable {
  const char* isa;   ///< name of the set: portable, avx2, avx512, avx512_bf16
  int vector_width;  ///< floats in a vector
  const AdamWKernels* adamw;
  const AttentionKernels* attention;
  const CrossEntropyKernels* cross_entropy;
  const GatedKernels* gated;
  const NormKernels* norm;
  const RopeKernels* rope;
  const ScatterKernels* scatter;
};

}  // namespace loongforge::cpu
