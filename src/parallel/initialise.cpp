// SPDX-License-Identifier: Apache-2.0
// Initial values: functions of (seed, published name, element index), drawn on the host into exactly what this rank keeps.
#include <ATen/ops/from_blob.h>

#include <algorithm>

#include "loongforge/core/error.h"
#include "loongforge/platform/parallel.h"
#include "parallel/store_impl.h"

namespace loongforge::parallel {
namespace {

constexpr int64_t kStagingElements = int64_t{1} << 22;

// How the flat index in a published tensor follows from the indices in a logical box: index = origin + Σ stride·coordinate.
struct Source {
  int64_t origin = 0;
  std::vector<int64_t> strides;  // one per logical dimension
};

Source source_of(const spec::Piece& piece) {
  const spec::Shape& view = piece.view_shape.empty() ? piece.hf_shape : piece.view_shape;
  std::vector<int64_t> view_strides(view.size(), 1), permuted;
  for (size_t d = view.size(); d-- > 1;) view_strides[d - 1] = view_strides[d] * view[d];
  for (size_t d = 0; d < view.size(); ++d) {
    permuted.push_back(view_strides[piece.view_perm.empty() ? d : static_cast<size_t>(piece.view_perm[d])]);
  }
  Source source{0, std::vector<int64_t>(piece.dst_box.size.size(), 0)};
  for (size_t d = 0; d < permuted.size(); ++d) source.origin += permuted[d] * piece.src_box.start[d];
  size_t d = 0;
  for (size_t to = 0; to < piece.dst_box.size.size(); ++to) {
    if (piece.dst_box.size[to] == 1) continue;
    while (d < permuted.size() && piece.src_box.size[d] == 1) ++d;
    LF_ASSERT(d < permuted.size() && piece.src_box.size[d] == piece.dst_box.size[to], "boxes of {} differ", piece.hf_name);
    source.strides[to] = permuted[d++];
    source.origin -= source.strides[to] * piece.dst_box.start[to];
  }
  return source;
}

// Draws rows [first, last) of `box` (its rows: all indices but the last one) into `out`, row by row.
template <class T>
void draw_rows(const spec::ParamSpec& spec, const spec::Piece& piece, const Source& source, const spec::Box& box,
               uint64_t seed, int64_t first, int64_t last, T* out) {
  const size_t dims = box.size.size();
  const int64_t width = dims == 0 ? 1 : box.size[dims - 1];
  std::vector<double> run(static_cast<size_t>(width));
  for (int64_t row = first; row < last; ++row, out += width) {
    int64_t index = source.origin, rest = row;
    for (size_t d = dims == 0 ? 0 : dims - 1; d-- > 0; rest /= box.size[d]) {
      index += source.strides[d] * (box.start[d] + rest % box.size[d]);
    }
    const int64_t stride = dims == 0 ? 1 : source.strides[dims - 1];
    if (dims > 0) index += stride * box.start[dims - 1];
    spec::init_values(spec.init, seed, piece.hf_name, piece.hf_shape, static_cast<uint64_t>(index),
                      static_cast<uint64_t>(stride), run);
    std::copy(run.begin(), run.end(), out);
  }
}

template <class T>
void draw_box(const spec::ParamSpec& spec, const spec::Piece& piece, const spec::Box& box, const at::Tensor& data,
              uint64_t seed, at::ScalarType staging) {
  const Source source = source_of(piece);
  const size_t dims = box.size.size();
  const int64_t width = dims == 0 ? 1 : box.size[dims - 1], rows = box.numel() / width;
  std::vector<T> host(static_cast<size_t>(box.numel()));
  const int64_t grain = std::max<int64_t>(1, (int64_t{1} << 15) / width);
  platform::parallel_for(rows, grain, [&](int64_t first, int64_t last) {
    draw_rows(spec, piece, source, box, seed, first, last, host.data() + first * width);
  });
  data.copy_(at::from_blob(host.data(), box.size, at::TensorOptions().dtype(staging)));
}

// Cuts a box along its first dimension so that the host buffer stays small.
std::vector<spec::Box> slabs(const spec::Box& box) {
  if (box.size.empty() || box.numel() <= kStagingElements) return {box};
  const int64_t rows = std::max<int64_t>(1, kStagingElements / (box.numel() / box.size[0]));
  std::vector<spec::Box> result;
  for (int64_t first = 0; first < box.size[0]; first += rows) {
    spec::Box& slab = result.emplace_back(box);
    slab.start[0] += first;
    slab.size[0] = std::min(rows, box.size[0] - first);
  }
  return result;
}

}  // namespace

void draw_values(const std::vector<comm::PlacedBox>& boxes, uint64_t seed) {
  for (const comm::PlacedBox& placed : boxes) {
    for (const spec::Piece& piece : placed.spec->pieces) {
      const auto common = spec::intersect(placed.logical, piece.dst_box);
      if (!common) continue;
      for (const spec::Box& slab : slabs(*common)) {
        spec::Box inside = slab;
        for (size_t d = 0; d < slab.start.size(); ++d) inside.start[d] -= placed.logical.start[d];
        const at::Tensor data = narrow_to(placed.data, inside);
        if (data.scalar_type() == at::kDouble) {
          draw_box<double>(*placed.spec, piece, slab, data, seed, at::kDouble);
        } else {
          draw_box<float>(*placed.spec, piece, slab, data, seed, at::kFloat);
        }
      }
    }
  }
}

void ParamStore::initialise(uint64_t seed) {
  draw_values(placed({"master"}), seed);
  refresh_weights();
}

}  // namespace loongforge::parallel
