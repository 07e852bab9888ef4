// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "loongforge/core/error.h"
#include "loongforge/spec/param_spec.h"

namespace loongforge::spec {
namespace {

// Appends the boxes of elements [begin, end) of the sub-tensor that fixes the first `prefix.size()` indices.
void append_range(const Shape& shape, Shape prefix, int64_t begin, int64_t end, std::vector<Box>& out) {
  if (begin >= end) return;
  const size_t dim = prefix.size();
  int64_t stride = 1;
  for (size_t d = dim + 1; d < shape.size(); ++d) stride *= shape[d];
  const auto emit = [&](int64_t first, int64_t count) {
    Box box{prefix, Shape(dim, 1)};
    box.start.push_back(first);
    box.size.push_back(count);
    for (size_t d = dim + 1; d < shape.size(); ++d) {
      box.start.push_back(0);
      box.size.push_back(shape[d]);
    }
    out.push_back(std::move(box));
  };
  const auto part = [&](int64_t row, int64_t from, int64_t to) {
    Shape inner = prefix;
    inner.push_back(row);
    append_range(shape, std::move(inner), from, to, out);
  };
  int64_t row = begin / stride;
  const int64_t last = end / stride, tail = end % stride;
  if (row == last) return part(row, begin % stride, tail);
  if (begin % stride != 0) part(row++, begin % stride, stride);
  if (row < last) emit(row, last - row);
  if (tail != 0) part(last, 0, tail);
}

}  // namespace

int64_t numel(const Shape& shape) {
  int64_t n = 1;
  for (int64_t extent : shape) n *= extent;
  return n;
}

int64_t Box::numel() const { return spec::numel(size); }

Box full_box(const Shape& shape) { return {Shape(shape.size(), 0), shape}; }

std::optional<Box> intersect(const Box& a, const Box& b) {
  LF_ASSERT(a.start.size() == b.start.size(), "boxes of {} and {} dimensions", a.start.size(), b.start.size());
  Box result = a;
  for (size_t d = 0; d < a.start.size(); ++d) {
    const int64_t begin = std::max(a.start[d], b.start[d]);
    const int64_t end = std::min(a.start[d] + a.size[d], b.start[d] + b.size[d]);
    if (begin >= end) return std::nullopt;
    result.start[d] = begin;
    result.size[d] = end - begin;
  }
  return result;
}

std::vector<Box> boxes_of_range(const Shape& shape, int64_t begin, int64_t end) {
  LF_ASSERT(0 <= begin && begin <= end && end <= numel(shape), "elements [{}, {}) of {}", begin, end, numel(shape));
  std::vector<Box> boxes;
  if (shape.empty() && begin < end) boxes.push_back({});
  if (!shape.empty()) append_range(shape, {}, begin, end, boxes);
  return boxes;
}

}  // namespace loongforge::spec
