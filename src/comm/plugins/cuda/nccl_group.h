// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "comm/device_backend.h"
#include "comm/work_watch.h"

namespace loongforge::comm {

/// What all NCCL groups of a process share.
struct NcclWorld {
  std::shared_ptr<ProcessContext> context;
  at::Device device;
  std::unique_ptr<WorkWatch> watch;
};

std::shared_ptr<GroupImpl> make_nccl_group(std::shared_ptr<NcclWorld> world, const std::string& name,
                                           const std::string& prefix, int rank, int size);

}  // namespace loongforge::comm
