// SPDX-License-Identifier: Apache-2.0
// Adding rows into rows of a table.
#pragma once
#include "kernels/cpu/types.h"

namespace loongforge::cpu {

struct AddRows {
  Type type = Type::f32;         ///< of rows
  const void* rows = nullptr;    ///< [count, width]
  const int64_t* ids = nullptr;  ///< [count]; ids outside [first, last) and `untrained` are passed over
  int64_t count = 0, width = 0;
  int64_t first = 0, last = 0, untrained = -1;
  float* table = nullptr;        ///< [last − first, width]
  int64_t units = 1;             ///< unit u adds the rows whose id is u modulo units, in their order
};

struct ScatterKernels {
  void (*add_rows)(const AddRows& add, int64_t first_unit, int64_t last_unit);
};

}  // namespace loongforge::cpu
