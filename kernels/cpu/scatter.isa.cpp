// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/scatter.h"

#include "kernels/cpu/rows.h"

namespace loongforge::cpu::LF_ISA {
namespace {

template <class T>
void add_units(const AddRows& add, int64_t first_unit, int64_t last_unit) {
  for (int64_t i = 0; i < add.count; ++i) {
    const int64_t id = add.ids[i];
    if (id < add.first || id >= add.last || id == add.untrained) continue;
    const int64_t row = id - add.first, unit = row % add.units;
    if (unit < first_unit || unit >= last_unit) continue;
    const T* from = static_cast<const T*>(add.rows) + i * add.width;
    float* into = add.table + row * add.width;
    each_vector(add.width, [&](int64_t j, auto lanes) { store(into + j, load(into + j, lanes) + load(from + j, lanes), lanes); });
  }
}

void add_rows(const AddRows& add, int64_t first_unit, int64_t last_unit) {
  by_type(add.type, [&](auto* type) { add_units<Pointee<decltype(type)>>(add, first_unit, last_unit); });
}

}  // namespace

extern const ScatterKernels scatter_kernels;
const ScatterKernels scatter_kernels{add_rows};

}  // namespace loongforge::cpu::LF_ISA
