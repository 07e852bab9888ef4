// SPDX-License-Identifier: Apache-2.0
// PlacedBox: a box of a logical tensor that lies in this rank's memory. Loading, saving, resharding and comparing
// all work on lists of these, whatever sharded the tensor.
#pragma once
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "loongforge/spec/param_spec.h"

namespace loongforge::comm {

struct PlacedBox {
  const spec::ParamSpec* spec = nullptr;  ///< the logical tensor
  spec::Box logical;                      ///< which part of it
  at::Tensor data;                        ///< shape == logical.size; may be a strided view of a flat buffer
};

/// What of a parameter is meant: its master values, its gradient, or a state of the optimizer by name ("exp_avg").
struct StateKey {
  std::string name = "master";
};

}  // namespace loongforge::comm
