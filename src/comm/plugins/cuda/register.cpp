// SPDX-License-Identifier: Apache-2.0
// NCCL as the backend that comes with the CUDA device. c10d's own handling of errors is off: the watch here finds what
// hangs, tells who caused it, and ends the process.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "nccl_group.h"

namespace loongforge::comm {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(200);

/// The device may be stuck in a kernel that never ends, and with it any thread that reads it: only leaving at once is sure.
[[noreturn]] void leave(const ProcessContext& context, const std::string& why) {
  const std::string culprit = context.culprit();
  std::fprintf(stderr, "error: %s%s\nhint: %s (ledgers: %s)\n", why.c_str(),
               culprit.empty() ? "" : (" (" + culprit + ")").c_str(),
               "another rank has ended or is stuck: look at its log; fault.timeout sets how long to wait",
               context.ledger_folder.c_str());
  std::fflush(nullptr);
  ::_exit(static_cast<int>(ExitCode::comm));
}

void set_unless_given(const char* variable, const char* value) { ::setenv(variable, value, /*overwrite=*/0); }

std::shared_ptr<GroupImpl> make(std::shared_ptr<ProcessContext> context, const std::string& name,
                                const std::string& prefix, int rank, int size, at::Device device) {
  set_unless_given("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0");
  set_unless_given("TORCH_NCCL_ENABLE_MONITORING", "0");
  set_unless_given("TORCH_NCCL_DUMP_ON_TIMEOUT", "0");
  auto world = std::make_shared<NcclWorld>(NcclWorld{context, device, nullptr});
  world->watch = std::make_unique<WorkWatch>(context->timeout, kLookEvery,
                                             [context](const std::string& why) { leave(*context, why); });
  return make_nccl_group(std::move(world), name, prefix, rank, size);
}

}  // namespace
}  // namespace loongforge::comm

extern "C" void lf_comm_register(loongforge::comm::DeviceBackend* backend) {
  backend->abi = loongforge::comm::kBackendAbi;
  backend->name = "nccl";
  backend->make = loongforge::comm::make;
}
