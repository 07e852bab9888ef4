// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ckpt/boxes.h"

#include <algorithm>

#include "loongforge/core/error.h"

namespace loongforge::ckpt {
namespace {

using spec::Box;

void split_into(const Box& box, int64_t max_elements, std::vector<Box>& out) {
  if (box.numel() <= max_elements) {
    out.push_back(box);
    return;
  }
  const size_t dim = static_cast<size_t>(std::find_if(box.size.begin(), box.size.end(), [](int64_t n) { return n > 1; }) -
                                         box.size.begin());
  const int64_t row = box.numel() / box.size[dim];
  const int64_t step = std::max<int64_t>(1, max_elements / row);
  for (int64_t done = 0; done < box.size[dim]; done += step) {
    Box part = box;
    part.start[dim] += done;
    part.size[dim] = std::min(step, box.size[dim] - done);
    split_into(part, max_elements, out);
  }
}

}  // namespace

at::Tensor box_view(const at::Tensor& data, const Box& whole, const Box& part) {
  LF_ASSERT(data.sizes() == at::IntArrayRef(whole.size), "data of {} for a box of {}", describe(data.sizes().vec()),
            describe(whole.size));
  at::Tensor view = data;
  for (size_t d = 0; d < part.start.size(); ++d) {
    if (part.size[d] == whole.size[d]) continue;
    view = view.narrow(static_cast<int64_t>(d), part.start[d] - whole.start[d], part.size[d]);
  }
  return view;
}

at::Tensor piece_view(const spec::Piece& piece, const at::Tensor& published) {
  if (piece.codec != spec::Codec::plain) {
    throw CheckpointError(fmt::format("tensor '{}' is stored in fp8 blocks, which cannot be read or written", piece.hf_name),
                          "convert the model to bf16 first");
  }
  at::Tensor view = piece.view_shape.empty() ? published : published.view(piece.view_shape);
  if (!piece.view_perm.empty()) view = view.permute(spec::Shape(piece.view_perm.begin(), piece.view_perm.end()));
  view = box_view(view, spec::full_box(view.sizes().vec()), piece.src_box);
  return view.squeeze().view(piece.dst_box.size);
}

std::vector<Box> subtract(const Box& from, const Box& hole) {
  if (from.numel() == 0) return {};
  const std::optional<Box> cut = spec::intersect(from, hole);
  if (!cut) return {from};
  std::vector<Box> rest;
  Box core = from;  // shrinks to the cut, one dimension after the other
  for (size_t d = 0; d < from.start.size(); ++d) {
    const int64_t begin = core.start[d], end = begin + core.size[d];
    const int64_t cut_begin = cut->start[d], cut_end = cut_begin + cut->size[d];
    const auto keep = [&](int64_t first, int64_t last) {
      if (first >= last) return;
      Box part = core;
      part.start[d] = first;
      part.size[d] = last - first;
      rest.push_back(std::move(part));
    };
    keep(begin, cut_begin);
    keep(cut_end, end);
    core.start[d] = cut_begin;
    core.size[d] = cut_end - cut_begin;
  }
  return rest;
}

std::vector<Box> subtract(const std::vector<Box>& from, const Box& hole) {
  std::vector<Box> rest;
  for (const Box& box : from) {
    for (Box& part : subtract(box, hole)) rest.push_back(std::move(part));
  }
  return rest;
}

std::vector<Box> split(const Box& box, int64_t max_elements) {
  LF_ASSERT(max_elements > 0);
  std::vector<Box> parts;
  if (box.numel() > 0) split_into(box, max_elements, parts);
  return parts;
}

std::string describe(const spec::Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::string describe(const Box& box) {
  std::vector<std::string> ranges;
  for (size_t d = 0; d < box.start.size(); ++d) {
    ranges.push_back(fmt::format("{}:{}", box.start[d], box.start[d] + box.size[d]));
  }
  return fmt::format("[{}]", fmt::join(ranges, ", "));
}

}  // namespace loongforge::ckpt
