// SPDX-License-Identifier: Apache-2.0
// What one instruction set's build offers. Kernels run on the calling thread, over raw pointers, strides and a
// workspace that the caller provides; the caller deals their units of work to threads.
#pragma once
#include "kernels/cpu/attention.h"

namespace loongforge::cpu {

/// The kernels of one instruction set. Each member is a plain struct of function pointers, declared in the header of
/// its name.
struct KernelTable {
  const char* isa;   ///< name of the set: portable, avx2, avx512, avx512_bf16
  int vector_width;  ///< floats in a vector
  const AttentionKernels* attention;
};

}  // namespace loongforge::cpu
