// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "loongforge/comm/group.h"

namespace loongforge::comm {

/// One group of two engines over the same ranks: tensors of the device go by `device`, tensors of the CPU and barriers by
/// `host`. Host values so never wait for the device's queue.
std::shared_ptr<GroupImpl> make_paired_group(std::shared_ptr<GroupImpl> device, std::shared_ptr<GroupImpl> host);

}  // namespace loongforge::comm
