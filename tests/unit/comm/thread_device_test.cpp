// SPDX-License-Identifier: Apache-2.0
// Ranks as threads whose tensors lie on the simulated accelerator, with streams that run only when something waits.
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "loongforge/comm/thread_world.h"
#include "loongforge/platform/device.h"

namespace loongforge::comm {
namespace {

constexpr int kRanks = 4;  // two a device

/// Runs `body(group, options of the rank's device)`; each rank works on a stream of its own.
void on_devices(ThreadMode mode, const std::function<void(const Group&, const at::TensorOptions&)>& body) {
  ::setenv("LF_FAKE_DEVICE", "lazy", 1);
  ::setenv("LOONGFORGE_PLUGIN_PATH", LF_PLUGIN_FOLDER, 1);
  ThreadWorld(kRanks, {.mode = mode}).run([&](Group group) {
    const at::Device device = platform::open_device("fake", group.rank());
    c10::StreamGuard own(c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device));
    body(group, at::TensorOptions().dtype(at::kDouble).device(device));
  });
}

at::Tensor host(const at::Tensor& tensor) { return platform::to_host(tensor); }
at::Tensor all(double value, int64_t count) { return at::full({count}, value, at::TensorOptions().dtype(at::kDouble)); }

class ThreadDevice : public testing::TestWithParam<ThreadMode> {};

TEST_P(ThreadDevice, CollectivesSeeWhatTheCallersStreamsMade) {
  on_devices(GetParam(), [](const Group& group, const at::TensorOptions& options) {
    const at::Tensor mine = at::full({8}, group.rank() + 1.0, options).mul_(2);
    at::Tensor sum = mine.clone();
    group.all_reduce(sum).wait();
    EXPECT_TRUE(at::equal(host(sum.add(1)), all(21, 8)));
    const at::Tensor gathered = at::empty({kRanks * 8}, options), part = at::empty({2}, options);
    group.all_gather(gathered, mine).wait();
    group.reduce_scatter(part, mine).wait();
    for (int rank = 0; rank < kRanks; ++rank) {
      EXPECT_TRUE(at::equal(host(gathered.narrow(0, rank * 8, 8)), all(2.0 * (rank + 1), 8)));
    }
    EXPECT_TRUE(at::equal(host(part), all(20, 2)));
  });
}

TEST_P(ThreadDevice, MessagesCarryWhatWasThereWhenSent) {
  on_devices(GetParam(), [](const Group& group, const at::TensorOptions& options) {
    const int to = (group.rank() + 1) % kRanks, from = (group.rank() + kRanks - 1) % kRanks;
    at::Tensor received = at::empty({16}, options);
    Work receive = group.irecv(received, from, 7);
    {
      at::Tensor sent = at::full({16}, 1.0, options).add_(group.rank());
      Work send = group.isend(sent, to, 7);
      receive.wait();
      send.wait();
      sent.fill_(-1);
    }
    const at::Tensor reused = at::full({16}, -2.0, options);  // may get the memory of what was sent
    EXPECT_TRUE(at::equal(host(received), all(1.0 + from, 16)));
    EXPECT_TRUE(at::equal(host(reused), all(-2, 16)));
  });
}

INSTANTIATE_TEST_SUITE_P(Modes, ThreadDevice,
                         testing::Values(ThreadMode::eager, ThreadMode::rendezvous_send, ThreadMode::random_delay));

}  // namespace
}  // namespace loongforge::comm
