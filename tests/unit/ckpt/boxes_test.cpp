// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ckpt/boxes.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "ckpt/host_bytes.h"
#include "loongforge/core/error.h"
#include "loongforge/core/rng.h"

namespace loongforge::ckpt {
namespace {

using spec::Box;

struct Draws {
  RngKey key;
  uint64_t count = 0;
  int64_t below(int64_t n) { return static_cast<int64_t>(uniform_int(key, count++, static_cast<uint64_t>(n))); }
};

Box random_box(Draws& draws, const spec::Shape& shape) {
  Box box;
  for (int64_t extent : shape) {
    const int64_t start = draws.below(extent);
    box.start.push_back(start);
    box.size.push_back(1 + draws.below(extent - start));
  }
  return box;
}

TEST(Boxes, SubtractionPartitionsExactly) {
  Draws draws{rng_key(7, {1})};
  for (int round = 0; round < 300; ++round) {
    spec::Shape shape;
    for (int64_t d = draws.below(4); d >= 0; --d) shape.push_back(1 + draws.below(6));
    const Box from = random_box(draws, shape), hole = random_box(draws, shape);
    at::Tensor counts = at::zeros(shape, at::kInt);
    const std::vector<Box> rest = subtract(from, hole);
    EXPECT_LE(rest.size(), 2 * shape.size());
    for (const Box& box : rest) box_view(counts, spec::full_box(shape), box).add_(1);
    if (const auto cut = spec::intersect(from, hole)) box_view(counts, spec::full_box(shape), *cut).add_(1);
    at::Tensor expected = at::zeros(shape, at::kInt);
    box_view(expected, spec::full_box(shape), from).add_(1);
    ASSERT_TRUE(same_bits(counts, expected)) << describe(from) << " − " << describe(hole);
  }
}

TEST(Boxes, SplitPartitionsAndBounds) {
  Draws draws{rng_key(7, {2})};
  for (int round = 0; round < 200; ++round) {
    const spec::Shape shape{1 + draws.below(5), 1 + draws.below(7), 1 + draws.below(4)};
    const Box box = random_box(draws, shape);
    const int64_t limit = 1 + draws.below(20);
    at::Tensor counts = at::zeros(shape, at::kInt), expected = at::zeros(shape, at::kInt);
    for (const Box& part : split(box, limit)) {
      EXPECT_LE(part.numel(), limit);
      box_view(counts, spec::full_box(shape), part).add_(1);
    }
    box_view(expected, spec::full_box(shape), box).add_(1);
    ASSERT_TRUE(same_bits(counts, expected)) << describe(box) << " by " << limit;
  }
}

TEST(Boxes, ScalarsAndEmptyBoxes) {
  EXPECT_TRUE(subtract(Box{}, Box{}).empty());
  EXPECT_EQ(split(Box{}, 4).size(), 1u);
  EXPECT_TRUE(subtract(Box{{0}, {0}}, Box{{0}, {3}}).empty());
  EXPECT_EQ(describe(Box{{1, 2}, {3, 4}}), "[1:4, 2:6]");
}

// A convolution [out, in, t, h, w] as a linear over (t, h, w, in), and its second half of outputs.
TEST(Boxes, PieceViewPermutesAndCuts) {
  spec::Piece piece{"conv", {4, 3, 2, 5, 5}, {4, 3, 50}, {0, 2, 1}, {{2, 0, 0}, {2, 50, 3}}, {{0, 0, 0}, {2, 50, 3}}};
  const at::Tensor conv = at::arange(4 * 3 * 50).view({4, 3, 2, 5, 5});
  const at::Tensor expected = conv.view({4, 3, 50}).narrow(0, 2, 2).transpose(1, 2);
  EXPECT_TRUE(same_bits(piece_view(piece, conv), expected));
  piece.codec = spec::Codec::fp8_block;
  EXPECT_THROW(piece_view(piece, conv), CheckpointError);
}

// One expert's matrix [out, in] as row `e` of a stack [experts, out, in]: dimensions of size 1 come and go.
TEST(Boxes, PieceViewAddsUnitDimensions) {
  const spec::Piece piece{"expert", {3, 4}, {}, {}, spec::full_box({3, 4}), {{5, 0, 0}, {1, 3, 4}}};
  at::Tensor stored = at::arange(12).view({3, 4});
  EXPECT_TRUE(same_bits(piece_view(piece, stored), stored.view({1, 3, 4})));
  piece_view(piece, stored).fill_(9);  // a view, so that saving can write through it
  EXPECT_TRUE(same_bits(stored, at::zeros({3, 4}, at::kLong).fill_(9)));
}

}  // namespace
}  // namespace loongforge::ckpt
