// SPDX-License-Identifier: Apache-2.0
// A few parameters with every kind of piece, and the layouts that ranks may hold them in.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <string>
#include <vector>

#include "ckpt/host_bytes.h"
#include "loongforge/ckpt/boxes.h"
#include "loongforge/ckpt/reshard.h"
#include "loongforge/comm/placed_box.h"

namespace loongforge::ckpt::testing {

inline constexpr int64_t kHead = 4, kHidden = 10, kInner = 12, kRows = 37;

// GQA 6/2: two groups of [3 q, 1 k, 1 v] heads.
inline spec::ParamSpec fused_qkv() {
  spec::ParamSpec p = spec::plain_param("qkv", {10 * kHead, kHidden}, spec::ModuleKind::qkv, spec::init::Normal{});
  p.pieces.clear();
  for (int64_t g = 0; g < 2; ++g) {
    const auto piece = [&](const char* name, int64_t all, int64_t from, int64_t rows, int64_t to) {
      p.pieces.push_back({name, {all, kHidden}, {}, {}, {{from, 0}, {rows, kHidden}}, {{to, 0}, {rows, kHidden}}});
    };
    piece("q.weight", 6 * kHead, g * 3 * kHead, 3 * kHead, g * 5 * kHead);
    piece("k.weight", 2 * kHead, g * kHead, kHead, g * 5 * kHead + 3 * kHead);
    piece("v.weight", 2 * kHead, g * kHead, kHead, g * 5 * kHead + 4 * kHead);
  }
  p.shards = {{spec::Axis::tp, 0, 5 * kHead, 3, 2 * kHead, 1, spec::TooFew::replicate}};
  return p;
}

// [2, inner, hidden] from gate and up.
inline spec::ParamSpec gate_up() {
  spec::ParamSpec p = spec::plain_param("gate_up", {2, kInner, kHidden}, spec::ModuleKind::mlp_in, spec::init::Normal{});
  p.pieces.clear();
  const spec::Box all = spec::full_box({kInner, kHidden}), to{{0, 0, 0}, {1, kInner, kHidden}};
  p.pieces.push_back({"gate.weight", {kInner, kHidden}, {}, {}, all, to});
  p.pieces.push_back({"up.weight", {kInner, kHidden}, {}, {}, all, {{1, 0, 0}, {1, kInner, kHidden}}});
  p.shards = {{spec::Axis::tp, 1}};
  return p;
}

inline std::vector<spec::ParamSpec> some_params() {
  std::vector<spec::ParamSpec> params;
  params.push_back(spec::plain_param("embed.weight", {kRows, kHidden}, spec::ModuleKind::embedding, spec::init::Normal{}));
  params.back().pieces[0].copies = {"lm_head.weight"};
  params.back().shards = {{spec::Axis::tp, 0, 1, 1, 0, 8}};
  params.push_back(fused_qkv());
  params.push_back(gate_up());
  params.push_back(spec::plain_param("norm.weight", {kHidden}, spec::ModuleKind::norm, spec::init::Uniform{}));
  // Stored [out, in, 2, 3], used as [2·3·in, out].
  params.push_back(spec::plain_param("patch.weight", {5 * 6, 7}, spec::ModuleKind::patch, spec::init::Uniform{}));
  params.back().pieces[0] = {"patch.weight", {7, 5, 2, 3}, {7, 30}, {1, 0}, spec::full_box({30, 7}), spec::full_box({30, 7})};
  params.push_back(spec::plain_param("scale", {}, spec::ModuleKind::other, spec::init::Uniform{}));
  return params;
}

inline std::vector<const spec::ParamSpec*> pointers(const std::vector<spec::ParamSpec>& params) {
  std::vector<const spec::ParamSpec*> list;
  for (const auto& param : params) list.push_back(&param);
  return list;
}

enum class LayoutKind { replicated, flat_ranges, tensor_parallel, stages };
inline constexpr LayoutKind kLayouts[] = {LayoutKind::replicated, LayoutKind::flat_ranges, LayoutKind::tensor_parallel,
                                          LayoutKind::stages};

inline void add_local(const spec::ParamSpec& p, const spec::LocalLayout& layout, at::ScalarType dtype,
                      std::vector<comm::PlacedBox>& out) {
  const at::Tensor local = at::zeros(layout.shape, at::TensorOptions().dtype(dtype));
  for (const spec::BoxMap& map : layout.boxes) {
    out.push_back({&p, map.logical, box_view(local, spec::full_box(layout.shape), map.local)});
  }
}

// ZeRO: the elements of all parameters in a row, cut evenly, whatever parameter a cut falls into.
inline std::vector<comm::PlacedBox> flat_boxes(const std::vector<spec::ParamSpec>& params, int rank, int size,
                                               at::ScalarType dtype) {
  int64_t total = 0, before = 0;
  for (const auto& p : params) total += spec::numel(p.logical_shape);
  const int64_t begin = total * rank / size, end = total * (rank + 1) / size;
  std::vector<comm::PlacedBox> out;
  for (const auto& p : params) {
    const int64_t count = spec::numel(p.logical_shape);
    const int64_t first = std::clamp(begin - before, int64_t{0}, count), last = std::clamp(end - before, int64_t{0}, count);
    for (const spec::Box& box : spec::boxes_of_range(p.logical_shape, first, last)) {
      out.push_back({&p, box, at::zeros(box.size, at::TensorOptions().dtype(dtype))});
    }
    before += count;
  }
  return out;
}

/// The boxes of zeros that `rank` of `size` holds.
inline std::vector<comm::PlacedBox> place(const std::vector<spec::ParamSpec>& params, LayoutKind kind, int rank, int size,
                                          at::ScalarType dtype) {
  if (kind == LayoutKind::flat_ranges) return flat_boxes(params, rank, size, dtype);
  std::vector<comm::PlacedBox> out;
  const bool tp = kind == LayoutKind::tensor_parallel;
  const spec::Mesh mesh(spec::MeshSizes{.tp = tp ? size : 1}, tp ? rank : 0);
  for (size_t i = 0; i < params.size(); ++i) {
    if (kind == LayoutKind::stages && static_cast<int>(i) % size != rank) continue;
    add_local(params[i], spec::local_layout(params[i], mesh), dtype, out);
  }
  return out;
}

/// Every box holds exactly the initial values of its part.
inline bool holds_initial(const std::vector<comm::PlacedBox>& boxes, uint64_t seed, at::ScalarType dtype) {
  for (const comm::PlacedBox& box : boxes) {
    const at::Tensor whole = at::zeros(box.spec->logical_shape, at::TensorOptions().dtype(dtype));
    const spec::Box all = spec::full_box(box.spec->logical_shape);
    const std::vector<comm::PlacedBox> target{{box.spec, all, whole}};
    initialise(target, seed);
    if (!same_bits(box.data, box_view(whole, all, box.logical))) return false;
  }
  return true;
}

}  // namespace loongforge::ckpt::testing
