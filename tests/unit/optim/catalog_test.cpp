// SPDX-License-Identifier: Apache-2.0
#include "loongforge/optim/catalog.h"

#include "support/op_checks.h"

namespace loongforge::testing {
namespace {

class OptimizerCatalog : public ::testing::TestWithParam<size_t> {
 protected:
  const step::OpDescription op = optim::catalog().at(GetParam());
};

TEST_P(OptimizerCatalog, EverySetEqualsTheReference) {
  const bool narrow = op.name == "adamw_bf16_moments";
  for (const int64_t elements : {1, 7, 33, 259, 20001}) {
    step::OpSizes sizes;
    sizes.elements = elements;
    expect_every_set_equals_reference(op, sizes, {at::kFloat, narrow ? 1e-2 : 1e-6});
    expect_every_set_equals_reference(op, sizes, {at::kBFloat16, 1e-2});
    expect_every_set_equals_reference(op, sizes, {at::kHalf, narrow ? 1e-2 : 2e-3});
  }
}

TEST_P(OptimizerCatalog, SameBitsForAnyNumberOfThreads) {
  step::OpSizes sizes;
  sizes.elements = 300007;
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) expect_same_bits_for_any_threads(op, sizes, type);
}

INSTANTIATE_TEST_SUITE_P(Ops, OptimizerCatalog, ::testing::Range<size_t>(0, optim::catalog().size()),
                         [](const auto& info) { return optim::catalog().at(info.param).name; });

}  // namespace
}  // namespace loongforge::testing
