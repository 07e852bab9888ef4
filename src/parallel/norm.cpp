// SPDX-License-Identifier: Apache-2.0
// The global gradient norm: every distinct element of the model is counted by exactly one rank of the world.
#include <algorithm>

#include "loongforge/core/error.h"
#include "loongforge/step/square_sum.h"
#include "parallel/store_impl.h"

namespace loongforge::parallel {
namespace {

void add_range(std::vector<FlatRange>& ranges, FlatRange range) {
  if (range.count <= 0) return;
  if (!ranges.empty() && ranges.back().begin + ranges.back().count == range.begin) {
    ranges.back().count += range.count;
  } else {
    ranges.push_back(range);
  }
}

// Calls visit(begin, count) for the contiguous runs of a box inside a row-major tensor, ascending.
template <class Visit>
void runs_of(const spec::Box& box, const spec::Shape& shape, const Visit& visit) {
  size_t inner = shape.size();  // dimensions from here on are whole
  int64_t run = 1;
  while (inner > 0 && box.size[inner - 1] == shape[inner - 1]) run *= shape[--inner];
  if (inner > 0) run *= box.size[--inner];
  spec::Shape index = box.start;
  while (true) {
    int64_t flat = 0;
    for (size_t d = 0; d < shape.size(); ++d) flat = flat * shape[d] + index[d];
    visit(flat, run);
    size_t d = inner;
    while (d > 0 && ++index[d - 1] == box.start[d - 1] + box.size[d - 1]) {
      index[d - 1] = box.start[d - 1];
      --d;
    }
    if (d == 0) return;
  }
}

// Runs of the entry that this rank counts, as ranges of the bucket: not what another tp rank or stage counts too.
std::vector<FlatRange> counted_ranges(const Entry& entry, bool first_sharer) {
  std::vector<FlatRange> ranges;
  if (!entry.counted) return ranges;
  const spec::LocalLayout& layout = entry.param->layout();
  std::vector<FlatRange> holes;
  if (!first_sharer) {
    for (const spec::Box& box : layout.shared_boxes) {
      runs_of(box, layout.shape, [&](int64_t begin, int64_t count) { add_range(holes, {begin, count}); });
    }
  }
  int64_t at = 0;
  for (const FlatRange& hole : holes) {
    add_range(ranges, {entry.offset + at, hole.begin - at});
    at = hole.begin + hole.count;
  }
  add_range(ranges, {entry.offset + at, entry.count - at});
  return ranges;
}

}  // namespace

at::Tensor ParamStore::local_square_sum() {
  Impl& store = *impl_;
  std::vector<at::Tensor> flats;
  for (const auto& bucket : store.buckets) {
    if (!bucket->trainable) continue;
    // Replicas share the work: each counts the range that it would own if the bucket were sharded.
    const int64_t part = bucket->size / store.groups.dp.size();
    const int64_t first = part * store.groups.dp.rank(), last = first + part;
    std::vector<FlatRange> ranges;
    for (const Entry* entry : bucket->entries) {
      const int64_t sharers = entry->param->layout().shared_ranks;
      for (const FlatRange& range : counted_ranges(*entry, store.groups.tp.rank() % sharers == 0)) {
        const int64_t begin = std::max(range.begin, first), end = std::min(range.begin + range.count, last);
        add_range(ranges, {begin - bucket->own.begin, end - begin});
      }
    }
    for (const FlatRange& range : ranges) flats.push_back(bucket->shard->grad.narrow(0, range.begin, range.count));
  }
  return step::square_sum(flats, store.policy.device);
}

at::Tensor ParamStore::gradient_norm() {
  at::Tensor sum = local_square_sum();
  impl_->groups.world.all_reduce(sum).wait();
  return sum.sqrt_();
}

}  // namespace loongforge::parallel
