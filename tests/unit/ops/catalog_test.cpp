// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/catalog.h"

#include <array>

#include "support/op_checks.h"

namespace loongforge::testing {
namespace {

using step::OpSizes;

std::vector<OpSizes> awkward_sizes() {
  std::vector<OpSizes> all;
  const std::array<int64_t, 6> widths{1, 7, 33, 259, 64, 128};
  for (size_t i = 0; i < widths.size(); ++i) {
    OpSizes sizes;
    sizes.rows = std::array<int64_t, 6>{259, 33, 1, 7, 129, 600}[i];
    sizes.hidden = widths[i];
    sizes.ffn = widths[(i + 2) % widths.size()];
    sizes.classes = std::array<int64_t, 6>{2, 259, 33, 1025, 4099, 7}[i];
    sizes.heads = static_cast<int64_t>(i) + 1;
    sizes.head_dim = std::array<int64_t, 6>{3, 8, 66, 130, 64, 7}[i];
    all.push_back(sizes);
  }
  return all;
}

constexpr Precision kPrecisions[] = {{at::kFloat, 2e-5}, {at::kBFloat16, 4e-2}, {at::kHalf, 6e-3}};

class Catalog : public ::testing::TestWithParam<size_t> {
 protected:
  const step::OpDescription op = ops::catalog().at(GetParam());
};

TEST_P(Catalog, EverySetEqualsTheReference) {
  for (const OpSizes& sizes : awkward_sizes()) {
    for (const Precision& precision : kPrecisions) expect_every_set_equals_reference(op, sizes, precision);
  }
}

TEST_P(Catalog, SameBitsForAnyNumberOfThreads) {
  OpSizes sizes;
  sizes.rows = 521;
  sizes.hidden = sizes.ffn = 320;
  sizes.classes = 700;
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) expect_same_bits_for_any_threads(op, sizes, type);
}

TEST_P(Catalog, NonFiniteValuesReachWhereTheReferenceTakesThem) {
  OpSizes sizes;
  sizes.rows = 9;
  sizes.hidden = sizes.ffn = sizes.classes = 37;
  sizes.heads = 2;
  sizes.head_dim = 20;
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) expect_non_finite_as_reference(op, sizes, type);
}

INSTANTIATE_TEST_SUITE_P(Ops, Catalog, ::testing::Range<size_t>(0, ops::catalog().size()),
                         [](const auto& info) { return ops::catalog().at(info.param).name; });

}  // namespace
}  // namespace loongforge::testing
