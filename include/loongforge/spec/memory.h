// SPDX-License-Identifier: Apache-2.0
// Bytes that parameters cost a rank, before anything is allocated (systems §5): weights, gradients, masters, optimizer.
#pragma once
#include <span>
#include <string>

#include "loongforge/spec/model_spec.h"

namespace loongforge::spec {

/// Element types where a ParamSpec has none of its own, and how far they are sharded over data-parallel ranks.
struct MemoryPolicy {
  Dtype param = Dtype::bf16;
  Dtype grad = Dtype::f32;
  Dtype master = Dtype::f32;  ///< equal to the parameter's: no second copy
  Dtype moment = Dtype::f32;
  int moments = 2;            ///< optimizer states an element: 2 for AdamW
  int zero = 0;               ///< 1 shards masters and optimizer, 2 gradients too, 3 weights too
};

/// Bytes of one rank. Fractions of an element come from even sharding; real shards round up.
struct ParameterMemory {
  int64_t elements = 0;  ///< local elements before data-parallel sharding, padding included
  double weights = 0, gradients = 0, masters = 0, optimizer = 0;
  double gathered = 0;   ///< ZeRO-3: whole weights of the two largest blocks, one computing and one arriving
  double total() const { return weights + gradients + masters + optimizer + gathered; }
};

/// Of the blocks that a rank's pipeline stage runs; a parameter used by several of them counts once. Experts are sharded
/// over their replicas, all else over dp × cp. Frozen parameters and statistics have weights only.
ParameterMemory parameter_memory(std::span<const BlockSpec> blocks, const Mesh& mesh, const MemoryPolicy& policy);

/// Header and one line of the table printed for people: GiB a rank by kind.
std::string memory_table_header();
std::string memory_table_row(std::string_view label, const ParameterMemory& memory);

}  // namespace loongforge::spec
