// SPDX-License-Identifier: Apache-2.0
// Trains the toy model on thread ranks in any layout and hands back everything that must not depend on it.
#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "loongforge/comm/thread_world.h"
#include "loongforge/parallel/param_store.h"
#include "loongforge/pipeline/recompute.h"
#include "loongforge/spec/mesh.h"
#include "unit/pipeline/toy_model.h"

namespace loongforge::toy {

struct Layout {
  spec::MeshSizes mesh;
  int zero = 0;
  bool overlap = true;
  int64_t bucket_bytes = 1500;
  bool sequence_parallel = false;
  pipeline::Recompute recompute;
  comm::ThreadMode mode = comm::ThreadMode::eager;
  int virtual_stages = 1;         ///< per pp rank
  Dtype compute = Dtype::f64;
};

struct Task {
  Shape shape;
  int microbatches = 6;  ///< of the global batch
  int steps = 3;
  double max_norm = 0.5;
  std::set<std::string> frozen;
};

struct Outcome {
  std::map<std::string, at::Tensor> params, first_grads;  ///< whole logical tensors
  std::vector<double> losses, norms;
};

Outcome run_toy(const Task& task, const Layout& layout);
/// EXPECTs equality up to `tolerance` × the greatest absolute value.
void expect_equal(const Outcome& got, const Outcome& want, double tolerance);

}  // namespace loongforge::toy
