// SPDX-License-Identifier: Apache-2.0
#include "loongforge/data/uploader.h"

#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace loongforge::data {

Uploader::Uploader(c10::Device device) : device_(device) {
  if (!device.is_cpu()) stream_ = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
}

std::vector<step::MicroBatch> Uploader::operator()(std::vector<step::MicroBatch> batches) const {
  if (!stream_) return batches;
  const c10::Stream consumer = c10::impl::VirtualGuardImpl(device_.type()).getStream(device_);
  {
    c10::StreamGuard on(*stream_);
    for (auto& batch : batches) {
      for (auto& [name, entry] : batch.tensors()) {
        if (entry.tensor.device() == device_) continue;
        entry.tensor = entry.tensor.to(device_, /*non_blocking=*/true);
        entry.tensor.record_stream(consumer);  // its memory is the copy stream's, and is used by the other
      }
    }
  }
  c10::Event copied(device_.type());
  copied.record(*stream_);
  copied.block(consumer);
  return batches;
}

step::MicroBatch pinned(step::MicroBatch batch) {
  for (auto& [name, entry] : batch.tensors()) entry.tensor = entry.tensor.pin_memory();
  return batch;
}

}  // namespace loongforge::data
