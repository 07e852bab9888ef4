// SPDX-License-Identifier: Apache-2.0
// Box algebra of the resharding engine: published tensors as views in logical coordinates, parts of boxes, remainders.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "loongforge/spec/param_spec.h"

namespace loongforge::ckpt {

/// The part of the published tensor (contiguous, piece.hf_shape) that the piece places at piece.dst_box: a view of that
/// box's shape. Works on any device, also meta. Throws CheckpointError for codecs other than plain.
at::Tensor piece_view(const spec::Piece& piece, const at::Tensor& published);

/// The view of `part` in `data`, which holds `whole` (data's shape is whole.size; part lies inside).
at::Tensor box_view(const at::Tensor& data, const spec::Box& whole, const spec::Box& part);

/// What is left of `from` without `hole`: at most 2·dims disjoint boxes.
std::vector<spec::Box> subtract(const spec::Box& from, const spec::Box& hole);
/// The same for a list of disjoint boxes.
std::vector<spec::Box> subtract(const std::vector<spec::Box>& from, const spec::Box& hole);

/// Cuts a box into boxes of at most `max_elements` (≥ 1) elements, outer dimensions first.
std::vector<spec::Box> split(const spec::Box& box, int64_t max_elements);

/// "[0:4, 8:16]", for messages.
std::string describe(const spec::Box& box);
/// "[8, 16]".
std::string describe(const spec::Shape& shape);

}  // namespace loongforge::ckpt
