// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "loongforge/nn/attention.h"
#include "loongforge/nn/kv_cache.h"
#include "support/test_param.h"

namespace loongforge::testing {
namespace {

nn::LocalHeads heads_of(int64_t rows) {
  nn::AttentionConfig config;
  config.head_dim = 4;
  config.heads_per_group = 3;
  return nn::local_heads(TestParam(at::zeros({rows, 8})).param, config);
}

TEST(LocalHeads, WholeGroupsAndPartsOfOne) {
  EXPECT_EQ(heads_of(40).groups, 2);
  EXPECT_EQ(heads_of(40).heads_per_group, 3);
  EXPECT_EQ(heads_of(16).groups, 1);  // two of the three query heads, k and v
  EXPECT_EQ(heads_of(16).heads_per_group, 2);
  EXPECT_THROW(heads_of(8), std::logic_error);
}

TEST(KvCache, GrowsKeepsAndTruncates) {
  nn::KvCache cache(2);
  const at::Tensor rows = at::arange(700 * 6).view({700, 3, 2});
  cache.append(1, rows.narrow(0, 0, 200), rows.narrow(0, 0, 200).neg());
  const auto [k, v] = cache.append(1, rows.narrow(0, 200, 500), rows.narrow(0, 200, 500).neg());
  EXPECT_TRUE(k.equal(rows));
  EXPECT_TRUE(v.equal(rows.neg()));
  EXPECT_EQ(cache.length(0), 0);
  cache.truncate(10);
  EXPECT_EQ(cache.append(1, rows.narrow(0, 0, 1), rows.narrow(0, 0, 1)).first.size(0), 11);
}

}  // namespace
}  // namespace loongforge::testing
