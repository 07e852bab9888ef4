// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/as_strided.h>

#include "loongforge/core/error.h"
#include "parallel/store_impl.h"

namespace loongforge::parallel {
namespace {

// The parts of `from` outside `hole`, as disjoint boxes: for each dimension what lies before and after the hole.
void subtract(const spec::Box& from, const spec::Box& hole, std::vector<spec::Box>& out) {
  const auto common = spec::intersect(from, hole);
  if (!common) {
    out.push_back(from);
    return;
  }
  spec::Box rest = from;
  for (size_t d = 0; d < rest.start.size(); ++d) {
    const int64_t begin = rest.start[d], end = begin + rest.size[d];
    const int64_t hole_begin = common->start[d], hole_end = hole_begin + common->size[d];
    for (auto [first, last] : {std::pair(begin, hole_begin), std::pair(hole_end, end)}) {
      if (first >= last) continue;
      spec::Box side = rest;
      side.start[d] = first;
      side.size[d] = last - first;
      out.push_back(std::move(side));
    }
    rest.start[d] = hole_begin;
    rest.size[d] = hole_end - hole_begin;
  }
}

std::vector<int64_t> strides_of(const spec::Shape& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * shape[d];
  return strides;
}

// The boxes of elements [begin, end) of an entry, whose flat storage starts at element `base` of `flat`.
void place_entry(const Entry& entry, int64_t begin, int64_t end, const at::Tensor& flat, int64_t base,
                 std::vector<comm::PlacedBox>& out) {
  const spec::LocalLayout& layout = entry.param->layout();
  const std::vector<int64_t> strides = strides_of(layout.shape);
  for (const spec::Box& range : spec::boxes_of_range(layout.shape, begin, end)) {
    for (const spec::BoxMap& map : layout.boxes) {
      const auto part = spec::intersect(range, map.local);
      if (!part) continue;
      spec::Box logical{map.logical.start, part->size};
      int64_t offset = base;
      for (size_t d = 0; d < part->start.size(); ++d) {
        logical.start[d] += part->start[d] - map.local.start[d];
        offset += part->start[d] * strides[d];
      }
      out.push_back({&entry.param->spec(), std::move(logical),
                     at::as_strided(flat, part->size, strides, flat.storage_offset() + offset)});
    }
  }
}

at::Tensor tensor_of(const Bucket& bucket, const std::string& key) {
  if (!bucket.trainable) return key == "master" ? bucket.weight_part : at::Tensor();
  if (key == "master") return bucket.shard->master;
  if (key == "grad") return bucket.shard->grad;
  const auto state = bucket.shard->state.find(key);
  return state == bucket.shard->state.end() ? at::Tensor() : state->second;
}

}  // namespace

std::vector<spec::Box> padding_boxes(const spec::LocalLayout& layout) {
  if (!layout.padded()) return {};
  std::vector<spec::Box> open{spec::full_box(layout.shape)};
  for (const spec::BoxMap& map : layout.boxes) {
    std::vector<spec::Box> rest;
    for (const spec::Box& box : open) subtract(box, map.local, rest);
    open = std::move(rest);
  }
  return open;
}

at::Tensor narrow_to(const at::Tensor& tensor, const spec::Box& box) {
  at::Tensor view = tensor;
  for (size_t d = 0; d < box.start.size(); ++d) view = view.narrow(static_cast<int64_t>(d), box.start[d], box.size[d]);
  return view;
}

std::vector<comm::PlacedBox> ParamStore::placed(const comm::StateKey& key) {
  std::vector<comm::PlacedBox> boxes;
  for (const auto& entry : impl_->entries) {
    const Bucket& bucket = *entry->bucket;
    const at::Tensor flat = tensor_of(bucket, key.name);
    if (!flat.defined()) continue;
    const int64_t begin = std::max(bucket.own.begin, entry->offset);
    const int64_t end = std::min(bucket.own.begin + bucket.own.count, entry->offset + entry->count);
    if (begin < end) {
      place_entry(*entry, begin - entry->offset, end - entry->offset, flat, entry->offset - bucket.own.begin, boxes);
    }
  }
  return boxes;
}

}  // namespace loongforge::parallel
