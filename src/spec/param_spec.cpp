// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/param_spec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "loongforge/core/error.h"

namespace loongforge::spec {
namespace {

constexpr std::array<std::string_view, 11> kKindNames = {"embedding", "qkv",  "attn_out", "mlp_in", "mlp_out", "norm",
                                                         "router",    "expert", "head",   "patch",  "other"};

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Rows [logical, logical + size) of a dimension lie at local rows [local, local + size).
struct Run {
  int64_t logical, local, size;
};

struct DimLayout {
  int64_t extent;
  std::vector<Run> runs;
};

void add_run(std::vector<Run>& runs, Run run) {
  if (run.size <= 0) return;
  if (!runs.empty() && runs.back().logical + runs.back().size == run.logical &&
      runs.back().local + runs.back().size == run.local) {
    runs.back().size += run.size;
  } else {
    runs.push_back(run);
  }
}

int64_t part_rows(const Shard& shard) { return (shard.unit - shard.shared) / shard.parts; }

DimLayout cut(const Shard& shard, int64_t extent, int ranks, int index) {
  const ShardSplit split = shard_split(shard, extent, ranks);
  DimLayout result{split.extent, {}};
  if (ranks == 1) {
    add_run(result.runs, {0, 0, extent});
    return result;
  }
  if (split.ranks_per_unit == 1) {
    const int64_t first = index * split.units * shard.unit;
    add_run(result.runs, {first, 0, std::min(extent - first, split.extent)});
    return result;
  }
  const int64_t start = index / split.ranks_per_unit * shard.unit, part = part_rows(shard);
  if (start >= extent) return result;
  const int64_t from = index % split.ranks_per_unit * split.parts, to = std::min(shard.parts, from + split.parts);
  add_run(result.runs, {start + from * part, 0, (to - from) * part});
  add_run(result.runs, {start + shard.parts * part, split.parts * part, shard.shared});
  return result;
}

bool holds_shared(const Shard& shard, const ShardSplit& split) { return split.ranks_per_unit > 1 && shard.shared > 0; }

void note_shared(const Shard& shard, const ShardSplit& split, LocalLayout& layout) {
  if (!holds_shared(shard, split)) return;
  LF_ASSERT(layout.shared_ranks == 1, "only one dimension may have shared rows");
  layout.shared_ranks = split.ranks_per_unit;
  Box box = full_box(layout.shape);
  box.start[shard.dim] = split.parts * part_rows(shard);
  box.size[shard.dim] = shard.shared;
  layout.shared_boxes.push_back(std::move(box));
}

// The boxes are the product of the dimensions' runs, in row-major order.
std::vector<BoxMap> product(const std::vector<DimLayout>& dims) {
  std::vector<BoxMap> boxes{BoxMap{}};
  for (const DimLayout& dim : dims) {
    std::vector<BoxMap> longer;
    for (const BoxMap& box : boxes) {
      for (const Run& run : dim.runs) {
        BoxMap& next = longer.emplace_back(box);
        next.logical.start.push_back(run.logical);
        next.local.start.push_back(run.local);
        next.logical.size.push_back(run.size);
        next.local.size.push_back(run.size);
      }
    }
    boxes = std::move(longer);
  }
  return boxes;
}

double xavier_bound(const Shape& shape) {
  LF_ASSERT(shape.size() >= 2, "xavier needs two dimensions");
  return std::sqrt(6.0 / static_cast<double>(shape[shape.size() - 2] + shape[shape.size() - 1]));
}

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace

std::string_view module_kind_name(ModuleKind kind) { return kKindNames.at(static_cast<size_t>(kind)); }

ParamSpec plain_param(std::string hf_name, Shape shape, ModuleKind kind, Init init) {
  ParamSpec spec;
  spec.pieces.push_back(
      {.hf_name = hf_name, .hf_shape = shape, .src_box = full_box(shape), .dst_box = full_box(shape)});
  spec.name = std::move(hf_name);
  spec.logical_shape = std::move(shape);
  spec.module_kind = kind;
  spec.init = std::move(init);
  return spec;
}

ShardSplit shard_split(const Shard& shard, int64_t extent, int ranks) {
  LF_ASSERT(shard.unit > 0 && extent % shard.unit == 0, "{} rows are not whole units of {}", extent, shard.unit);
  LF_ASSERT((shard.unit - shard.shared) % shard.parts == 0, "unit {} of {} parts, {} shared", shard.unit, shard.parts,
            shard.shared);
  const int64_t units = extent / shard.unit;
  if (ranks == 1) return {units, shard.parts, 1, extent};
  if (units >= ranks) {
    const int64_t multiple = std::lcm(shard.pad_to, shard.unit) / shard.unit;
    const int64_t local = ceil_div(ceil_div(units, ranks), multiple) * multiple;
    return {local, shard.parts, 1, local * shard.unit};
  }
  if (shard.on_too_few == TooFew::error) {
    throw ConfigError(fmt::format("{} units cannot be cut over parallel.{} = {}", units, axis_name(shard.axis), ranks),
                      fmt::format("choose parallel.{} at most {}", axis_name(shard.axis), units));
  }
  LF_ASSERT(shard.pad_to == 1, "a split unit cannot be padded to {}", shard.pad_to);
  int64_t slots = units;
  while (ranks % slots != 0) ++slots;
  const int64_t sharers = ranks / slots, parts = ceil_div(shard.parts, sharers);
  return {1, parts, sharers, parts * part_rows(shard) + shard.shared};
}

bool LocalLayout::padded() const {
  int64_t covered = 0;
  for (const BoxMap& box : boxes) covered += box.local.numel();
  return covered < numel(shape);
}

LocalLayout local_layout(const ParamSpec& spec, const Mesh& mesh) try {
  std::vector<DimLayout> dims;
  for (int64_t extent : spec.logical_shape) dims.push_back({extent, {Run{0, 0, extent}}});
  std::vector<bool> cut_already(dims.size());
  for (const Shard& shard : spec.shards) {
    LF_ASSERT(shard.dim >= 0 && shard.dim < static_cast<int>(dims.size()) && !cut_already[shard.dim],
              "{}: dimension {} is cut twice or missing", spec.name, shard.dim);
    cut_already[shard.dim] = true;
    dims[shard.dim] = cut(shard, spec.logical_shape[shard.dim], mesh.size(shard.axis), mesh.index(shard.axis));
  }
  LocalLayout layout;
  for (const DimLayout& dim : dims) layout.shape.push_back(dim.extent);
  layout.boxes = product(dims);
  for (const Shard& shard : spec.shards) {
    note_shared(shard, shard_split(shard, spec.logical_shape[shard.dim], mesh.size(shard.axis)), layout);
  }
  return layout;
} catch (const ConfigError& error) {
  throw ConfigError(fmt::format("{}: {}", spec.name, error.what()), error.hint());
}

TpReduction tp_reduction(const ParamSpec& spec, const Mesh& mesh, bool sequence_parallel) {
  const int ranks = mesh.size(Axis::tp);
  if (ranks == 1) return TpReduction::none;
  for (const Shard& shard : spec.shards) {
    if (shard.axis != Axis::tp) continue;
    const ShardSplit split = shard_split(shard, spec.logical_shape[shard.dim], ranks);
    return holds_shared(shard, split) ? TpReduction::sum_shared : TpReduction::none;
  }
  switch (spec.input_region) {
    case InputRegion::head_shard: return TpReduction::sum;
    case InputRegion::seq_shard: return sequence_parallel ? TpReduction::sum : TpReduction::none;
    case InputRegion::replicated:
    case InputRegion::expert: break;
  }
  return TpReduction::none;
}

double init_value(const Init& init, uint64_t seed, const std::string& hf_name, const Shape& hf_shape, uint64_t index) {
  const RngKey key = rng_key(seed, {name_hash(hf_name)});
  return std::visit(Overloaded{
                        [](const init::Zeros&) { return 0.0; },
                        [](const init::Ones&) { return 1.0; },
                        [&](const init::Normal& n) { return n.std * normal(key, index); },
                        [&](const init::Uniform& u) { return u.low + (u.high - u.low) * uniform(key, index); },
                        [&](const init::Xavier&) { return xavier_bound(hf_shape) * (2 * uniform(key, index) - 1); },
                        [&](const init::Function& f) { return f.value(key, index); },
                    },
                    init);
}

void init_values(const Init& init, uint64_t seed, const std::string& hf_name, const Shape& hf_shape, uint64_t first,
                 uint64_t stride, std::span<double> out) {
  if (std::holds_alternative<init::Zeros>(init) || std::holds_alternative<init::Ones>(init)) {
    std::fill(out.begin(), out.end(), std::holds_alternative<init::Ones>(init) ? 1.0 : 0.0);
  } else if (const auto* n = std::get_if<init::Normal>(&init); n != nullptr && stride == 1) {
    normal_range(rng_key(seed, {name_hash(hf_name)}), first, out);
    for (double& value : out) value *= n->std;
  } else {
    for (size_t i = 0; i < out.size(); ++i) out[i] = init_value(init, seed, hf_name, hf_shape, first + i * stride);
  }
}

}  // namespace loongforge::spec
