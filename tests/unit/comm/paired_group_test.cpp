// SPDX-License-Identifier: Apache-2.0
#include "comm/paired_group.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <stdexcept>


namespace loongforge::comm {
namespace {

/// Counts what it is given.
class Counting : public GroupImpl {
 public:
  explicit Counting(at::Device device) : device_(device) {}
  Work all_reduce(at::Tensor, ReduceOp) override { return count(); }
  Work all_gather(at::Tensor out, at::Tensor) override { return out.zero_(), count(); }
  Work reduce_scatter(at::Tensor, at::Tensor) override { return count(); }
  Work all_to_all_v(at::Tensor, at::Tensor, std::vector<int64_t>, std::vector<int64_t>) override { return count(); }
  Work broadcast(at::Tensor, int) override { return count(); }
  Work isend(at::Tensor, int, int64_t) override { return count(); }
  Work irecv(at::Tensor, int, int64_t) override { return count(); }
  Work barrier() override { return ++barriers, Work(); }
  std::shared_ptr<GroupImpl> split(const std::vector<int>& members, const std::string&) override {
    return members.front() == 0 ? std::make_shared<Counting>(device_) : nullptr;
  }
  void abort(const std::string& why) override { aborted = why; }
  at::Device device() const override { return device_; }

  int calls = 0, barriers = 0;
  std::string aborted;

 private:
  Work count() { return ++calls, Work(); }
  at::Device device_;
};

struct Pair {
  std::shared_ptr<Counting> device = std::make_shared<Counting>(at::kMeta), host = std::make_shared<Counting>(at::kCPU);
  std::shared_ptr<GroupImpl> both = make_paired_group(device, host);
};

at::Tensor on(at::Device device) { return at::empty({4}, at::TensorOptions().device(device)); }

void call_all(GroupImpl& group, const at::Tensor& tensor) {
  group.all_reduce(tensor, ReduceOp::sum);
  group.all_gather(tensor, tensor);
  group.reduce_scatter(tensor, tensor);
  group.all_to_all_v(tensor, tensor, {2, 2}, {2, 2});
  group.broadcast(tensor, 0);
  group.isend(tensor, 1, 0);
  group.irecv(tensor, 1, 0);
}

TEST(PairedGroup, TensorsGoByTheEngineOfTheirDevice) {
  Pair pair;
  call_all(*pair.both, on(at::kMeta));
  EXPECT_EQ(pair.device->calls, 7);
  EXPECT_EQ(pair.host->calls, 0);
  call_all(*pair.both, on(at::kCPU));
  EXPECT_EQ(pair.device->calls, 7);
  EXPECT_EQ(pair.host->calls, 7);
  EXPECT_THROW(pair.both->all_gather(on(at::kCPU), on(at::kMeta)), std::logic_error);
}

TEST(PairedGroup, BarriersAndHostValuesStayOnTheHost) {
  Pair pair;
  const Group group(pair.both, 0, 2, "world", {0, 1});
  EXPECT_EQ(group.device(), at::Device(at::kMeta));
  EXPECT_EQ(Group().device(), at::Device(at::kCPU));
  group.barrier();
  group.all_reduce_host({1.0});
  group.all_gather_bytes("x");
  EXPECT_EQ(pair.host->barriers, 1);
  EXPECT_GE(pair.host->calls, 2);
  EXPECT_EQ(pair.device->calls + pair.device->barriers, 0);
}

TEST(PairedGroup, SplitsAndAbortsBoth) {
  Pair pair;
  const auto part = pair.both->split({0}, "part");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->device(), at::Device(at::kMeta));
  EXPECT_FALSE(pair.both->split({1}, "rest"));
  pair.both->abort("lost");
  EXPECT_EQ(pair.device->aborted, "lost");
  EXPECT_EQ(pair.host->aborted, "lost");
}

}  // namespace
}  // namespace loongforge::comm
