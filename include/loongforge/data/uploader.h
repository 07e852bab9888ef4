// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <c10/core/Stream.h>

#include <optional>
#include <vector>

#include "loongforge/step/state.h"

namespace loongforge::data {

/// Brings microbatches to a device on a copy stream of its own: the copies run beside the work given to the device before,
/// and only the work given to it afterwards waits for them. Host memory that is pinned doesn't hold up the host. On the
/// CPU it does nothing.
class Uploader {
 public:
  explicit Uploader(c10::Device device);
  std::vector<step::MicroBatch> operator()(std::vector<step::MicroBatch> batches) const;

 private:
  c10::Device device_;
  std::optional<c10::Stream> stream_;
};

/// The batch with its tensors in pinned host memory, for tensors that go to a device.
step::MicroBatch pinned(step::MicroBatch batch);

}  // namespace loongforge::data
