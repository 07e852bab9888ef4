// SPDX-License-Identifier: Apache-2.0
#include "loongforge/parallel/region.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "loongforge/comm/thread_world.h"
#include "loongforge/core/rng.h"

namespace loongforge::parallel {
namespace {

at::Tensor noise(uint64_t key, std::vector<int64_t> shape) {
  at::Tensor tensor = at::empty(shape, at::kDouble);
  for (int64_t i = 0; i < tensor.numel(); ++i) tensor.data_ptr<double>()[i] = normal({key}, static_cast<uint64_t>(i));
  return tensor;
}

void expect_equal(const at::Tensor& got, const at::Tensor& want) { EXPECT_TRUE(got.allclose(want, 1e-13, 1e-13)); }

TEST(Region, WithoutSequenceParallelism) {
  comm::ThreadWorld(3).run([](comm::Group tp) {
    auto region = make_region(tp, false);
    at::Tensor x = noise(1, {4, 5}).requires_grad_(true);
    const at::Tensor partial = noise(10 + tp.rank(), {4, 5}).requires_grad_(true);
    const at::Tensor entered = region->enter(x);
    expect_equal(entered, x);
    const at::Tensor left = region->leave(entered.mul(partial));
    const at::Tensor sum = noise(10, {4, 5}).add(noise(11, {4, 5})).add(noise(12, {4, 5}));
    expect_equal(left, x.mul(sum));
    const at::Tensor seed = noise(2, {4, 5});
    left.backward(seed);
    expect_equal(x.grad(), seed.mul(sum));
    expect_equal(partial.grad(), seed.mul(x));
    EXPECT_TRUE(region->shard_rows(x).is_same(x));
    at::Tensor value = noise(20 + tp.rank(), {2});
    region->all_reduce_max(value);
    expect_equal(value, noise(20, {2}).maximum(noise(21, {2})).maximum(noise(22, {2})));
  });
}

TEST(Region, WithSequenceParallelism) {
  comm::ThreadWorld(2).run([](comm::Group tp) {
    auto region = make_region(tp, true);
    const int64_t first = 3 * tp.rank();
    const at::Tensor whole = noise(1, {6, 5}), seed = noise(2, {6, 5});
    at::Tensor x = whole.narrow(0, first, 3).clone().requires_grad_(true);
    const at::Tensor partial = noise(10 + tp.rank(), {6, 5}).requires_grad_(true);
    const at::Tensor entered = region->enter(x);
    expect_equal(entered, whole);
    const at::Tensor left = region->leave(entered.mul(partial));
    const at::Tensor sum = noise(10, {6, 5}).add(noise(11, {6, 5}));
    expect_equal(left, whole.mul(sum).narrow(0, first, 3));
    left.backward(seed.narrow(0, first, 3));
    expect_equal(x.grad(), seed.mul(sum).narrow(0, first, 3));
    expect_equal(partial.grad(), seed.mul(whole));
    expect_equal(region->shard_rows(whole), whole.narrow(0, first, 3));
    EXPECT_THROW(region->shard_rows(noise(1, {5, 2})), std::logic_error);
  });
}

TEST(Region, OfOneRankDoesNothing) {
  auto region = make_region(comm::Group(), true);
  EXPECT_EQ(region->size(), 1);
  EXPECT_FALSE(region->sequence_parallel());
  const at::Tensor x = noise(1, {2, 2});
  EXPECT_TRUE(region->leave(region->enter(x)).is_same(x));
}

}  // namespace
}  // namespace loongforge::parallel
