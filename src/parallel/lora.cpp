// SPDX-License-Identifier: Apache-2.0
#include "loongforge/parallel/lora.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"
#include "loongforge/parallel/freeze.h"
#include "loongforge/platform/dtype.h"
#include "parallel/store_impl.h"

namespace loongforge::parallel {
namespace {

constexpr std::string_view kWeight = ".weight";
constexpr std::string_view kPrefix = "base_model.model.";
constexpr const char* kAllLinear = "all-linear";

std::string module_of(std::string_view parameter) { return std::string(parameter.substr(0, parameter.size() - kWeight.size())); }

std::string adapter_name(std::string_view parameter, const char* which) {
  return fmt::format("{}{}.lora_{}{}", kPrefix, module_of(parameter), which, kWeight);
}

bool is_linear(const spec::ParamSpec& param) {
  using spec::ModuleKind;
  const ModuleKind kind = param.module_kind;
  const bool kind_fits = kind == ModuleKind::qkv || kind == ModuleKind::attn_out || kind == ModuleKind::mlp_in || kind == ModuleKind::mlp_out;
  if (!kind_fits || param.logical_shape.size() < 2) return false;
  return std::all_of(param.pieces.begin(), param.pieces.end(), [&](const spec::Piece& piece) {
    const int64_t in = param.logical_shape.back();
    return piece.hf_name.ends_with(kWeight) && piece.view_shape.empty() && piece.view_perm.empty() &&
           piece.hf_shape.size() == 2 && piece.hf_shape[1] == in && piece.src_box.size[1] == in && piece.dst_box.size.back() == in;
  });
}

// Published modules of a linear, in the order of their first piece.
std::vector<std::string> modules_of(const spec::ParamSpec& base) {
  std::vector<std::string> modules;
  for (const spec::Piece& piece : base.pieces) {
    const std::string module = module_of(piece.hf_name);
    if (std::find(modules.begin(), modules.end(), module) == modules.end()) modules.push_back(module);
  }
  return modules;
}

bool wanted(const std::string& target, const std::string& module) {
  return target == kAllLinear || module.ends_with("." + target) || glob_match(target, module);
}

// The last dimension of a linear is its input.
bool cut_along_input(const spec::ParamSpec& base) {
  const int last = static_cast<int>(base.logical_shape.size()) - 1;
  return std::any_of(base.shards.begin(), base.shards.end(), [&](const spec::Shard& shard) { return shard.dim == last; });
}

spec::ParamSpec adapter_param(const spec::ParamSpec& base, const char* which) {
  spec::ParamSpec param;
  param.name = adapter_name(base.name, which);
  param.component = base.component;
  param.module_kind = spec::ModuleKind::other;
  param.group.lr_scale = base.group.lr_scale;
  // Inside a tensor-parallel region whichever of A and B is whole on every rank has a partial gradient there.
  param.input_region = base.shards.empty() ? base.input_region : spec::InputRegion::head_shard;
  return param;
}

// A of all adapted modules, one below the other: [modules · rank, in].
spec::ParamSpec down_param(const spec::ParamSpec& base, const std::vector<std::string>& modules, int64_t rank) {
  const int64_t in = base.logical_shape.back();
  spec::ParamSpec param = adapter_param(base, "A");
  param.logical_shape = {static_cast<int64_t>(modules.size()) * rank, in};
  const double bound = 1.0 / std::sqrt(static_cast<double>(in));  // kaiming_uniform with a = √5, as PEFT
  param.init = spec::init::Uniform{-bound, bound};
  for (size_t m = 0; m < modules.size(); ++m) {
    const spec::Shape shape{rank, in};
    spec::Box dst = spec::full_box(shape);
    dst.start[0] = static_cast<int64_t>(m) * rank;
    param.pieces.push_back({.hf_name = adapter_name(modules[m] + std::string(kWeight), "A"), .hf_shape = shape,
                            .src_box = spec::full_box(shape), .dst_box = std::move(dst)});
  }
  if (cut_along_input(base)) {
    param.shards = base.shards;
    for (spec::Shard& shard : param.shards) shard.dim = 1;
  }
  return param;
}

// B in the row layout of the base: [base rows…, rank].
spec::ParamSpec up_param(const spec::ParamSpec& base, const std::vector<std::string>& modules, int64_t rank) {
  spec::ParamSpec param = adapter_param(base, "B");
  param.logical_shape = base.logical_shape;
  param.logical_shape.back() = rank;
  param.init = spec::init::Zeros{};
  for (spec::Piece piece : base.pieces) {
    if (std::find(modules.begin(), modules.end(), module_of(piece.hf_name)) == modules.end()) continue;
    piece.hf_name = adapter_name(piece.hf_name, "B");
    piece.hf_shape.back() = piece.src_box.size.back() = piece.dst_box.size.back() = rank;
    piece.copies.clear();
    param.pieces.push_back(std::move(piece));
  }
  if (!cut_along_input(base)) param.shards = base.shards;
  return param;
}

// For each adapted module 1 at the local output rows that are its own, else 0: [local rows] each.
std::vector<at::Tensor> row_masks(const step::Param& up, const std::vector<std::string>& modules, const StorePolicy& policy) {
  spec::Shape rows = up.layout().shape;
  rows.pop_back();
  std::vector<at::Tensor> masks;
  for (const std::string& module : modules) {
    at::Tensor mask = at::zeros(rows, at::TensorOptions().dtype(platform::to_torch(policy.compute)).device(policy.device));
    for (const spec::Piece& piece : up.spec().pieces) {
      if (piece.hf_name != adapter_name(module + std::string(kWeight), "B")) continue;
      for (const spec::BoxMap& map : up.layout().boxes) {
        const auto common = spec::intersect(piece.dst_box, map.logical);
        if (!common) continue;
        spec::Box local = *common;
        for (size_t d = 0; d < local.start.size(); ++d) local.start[d] += map.local.start[d] - map.logical.start[d];
        local.start.pop_back();
        local.size.pop_back();
        narrow_to(mask, local).fill_(1);
      }
    }
    masks.push_back(mask.view({-1}));
  }
  return masks;
}

class Targets {
 public:
  explicit Targets(const std::vector<std::string>& targets) : targets_(targets), used_(targets.size()) {}

  std::vector<std::string> select(const spec::ParamSpec& base) {
    std::vector<std::string> selected;
    for (const std::string& module : modules_of(base)) {
      bool any = false;
      for (size_t t = 0; t < targets_.size(); ++t) {
        if (!wanted(targets_[t], module)) continue;
        used_[t] = any = true;
      }
      if (any) selected.push_back(module);
    }
    return selected;
  }

  void require_all_used(const std::set<std::string>& known) const {
    for (size_t t = 0; t < targets_.size(); ++t) {
      if (used_[t]) continue;
      throw ConfigError(fmt::format("lora target `{}` matches no linear", targets_[t]),
                        fmt::format("this model has {} (or use {})", fmt::join(known, ", "), kAllLinear));
    }
  }

 private:
  const std::vector<std::string>& targets_;
  std::vector<bool> used_;
};

}  // namespace

double LoraConfig::scaling() const {
  const auto r = static_cast<double>(rank);
  return alpha / (rank_stabilised ? std::sqrt(r) : r);
}

void add_lora(spec::ModelSpec& model, const LoraConfig& config) {
  if (config.rank < 1) throw ConfigError(fmt::format("lora rank is {}", config.rank), "choose at least 1");
  Targets targets(config.targets);
  std::set<std::string> known;
  for (spec::BlockSpec& block : model.blocks) {
    std::vector<spec::ParamSpec> adapters;
    for (spec::ParamSpec& base : block.params) {
      if (base.update == spec::Update::gradient) base.update = spec::Update::frozen;
      if (!is_linear(base)) continue;
      for (const std::string& module : modules_of(base)) known.insert(module.substr(module.rfind('.') + 1));
      const std::vector<std::string> modules = targets.select(base);
      if (modules.empty()) continue;
      adapters.push_back(down_param(base, modules, config.rank));
      adapters.push_back(up_param(base, modules, config.rank));
    }
    std::move(adapters.begin(), adapters.end(), std::back_inserter(block.params));
  }
  targets.require_all_used(known);
}

void attach_lora(const spec::ModelSpec& model, const LoraConfig& config, ParamStore& store) {
  for (int block : store.local_blocks()) {
    for (const spec::ParamSpec& base : model.blocks[block].params) {
      if (!is_linear(base)) continue;
      step::Adapter adapter{store.find(adapter_name(base.name, "A")), store.find(adapter_name(base.name, "B"))};
      if (adapter.a == nullptr) continue;
      adapter.scaling = config.scaling();
      if (modules_of(base).size() > 1) {
        Targets targets(config.targets);
        adapter.row_masks = row_masks(*adapter.b, targets.select(base), store.policy());
      }
      store.find(base.name)->set_adapter(std::move(adapter));
    }
  }
}

}  // namespace loongforge::parallel
