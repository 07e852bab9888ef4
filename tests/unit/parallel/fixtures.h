// SPDX-License-Identifier: Apache-2.0
// Thread ranks with their groups, and whole tensors out of placed boxes.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <string>

#include "loongforge/comm/thread_world.h"
#include "loongforge/parallel/param_store.h"

namespace loongforge::parallel {

struct RankSetup {
  spec::Mesh mesh;
  StoreGroups groups;
};

inline comm::Group group_along(const spec::Mesh& mesh, const comm::Group& world, spec::Axis axis) {
  comm::Group mine;
  const std::vector<spec::Axis> axes{axis};
  for (const auto& members : mesh.all_groups(axes)) {
    comm::Group group = world.split(members, std::string(spec::axis_name(axis)));
    if (std::find(members.begin(), members.end(), mesh.rank()) != members.end()) mine = group;
  }
  return mine;
}

inline void on_mesh(const spec::MeshSizes& sizes, const std::function<void(const RankSetup&)>& body) {
  comm::ThreadWorld(sizes.world()).run([&](comm::Group world) {
    const spec::Mesh mesh(sizes, world.rank());
    body({mesh, {group_along(mesh, world, spec::Axis::tp), group_along(mesh, world, spec::Axis::dp),
                 group_along(mesh, world, spec::Axis::pp), world}});
  });
}

/// Whole logical tensors, by parameter name, from boxes that ranks add; NaN where nobody has added.
class Whole {
 public:
  void add(const std::vector<comm::PlacedBox>& boxes) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const comm::PlacedBox& box : boxes) {
      at::Tensor& whole = tensors_[box.spec->name];
      if (!whole.defined()) whole = at::full(box.spec->logical_shape, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
      at::Tensor view = whole;
      for (size_t d = 0; d < box.logical.start.size(); ++d) view = view.narrow(d, box.logical.start[d], box.logical.size[d]);
      view.copy_(box.data);
    }
  }
  std::map<std::string, at::Tensor> tensors_;

 private:
  std::mutex mutex_;
};

}  // namespace loongforge::parallel
