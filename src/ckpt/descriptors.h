// SPDX-License-Identifier: Apache-2.0
// What every rank has to know of the boxes that other ranks hold, and texts that all ranks agree on.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "loongforge/comm/group.h"
#include "loongforge/comm/placed_box.h"
#include "loongforge/core/dtype.h"

namespace loongforge::ckpt {

struct Descriptor {
  std::string param;
  spec::Box box;
  Dtype dtype = Dtype::f32;
};

/// The descriptors of all ranks' boxes, by rank. Collective.
std::vector<std::vector<Descriptor>> gather_descriptors(std::span<const comm::PlacedBox> boxes, const comm::Group& group);

/// Runs `body` and then makes all ranks throw when one did: the error of the lowest rank, with its type. Collective.
template <class F>
void together(const comm::Group& group, F&& body);

/// Exit code and text of a failure ("" when there is none), exchanged by together().
void throw_if_any_failed(const comm::Group& group, const std::string& failure);
std::string describe_failure(const std::exception& failure);

template <class F>
void together(const comm::Group& group, F&& body) {
  std::string failure;
  try {
    body();
  } catch (const std::exception& error) {
    failure = describe_failure(error);
  }
  throw_if_any_failed(group, failure);
}

}  // namespace loongforge::ckpt
