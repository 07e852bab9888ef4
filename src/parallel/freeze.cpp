// SPDX-License-Identifier: Apache-2.0
#include "loongforge/parallel/freeze.h"

#include <algorithm>
#include <set>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::parallel {
namespace {

std::set<std::string> published_names(const spec::ParamSpec& param) {
  std::set<std::string> names;
  for (const spec::Piece& piece : param.pieces) {
    names.insert(piece.hf_name);
    names.insert(piece.copies.begin(), piece.copies.end());
  }
  return names;
}

// Patterns that match nothing are most likely misspelt.
class Patterns {
 public:
  explicit Patterns(const std::vector<std::string>& patterns) : patterns_(patterns), used_(patterns.size()) {}
  bool match(const std::string& name) {
    bool any = false;
    for (size_t i = 0; i < patterns_.size(); ++i) {
      if (!glob_match(patterns_[i], name)) continue;
      used_[i] = any = true;
    }
    return any;
  }
  void require_all_used(const char* what) const {
    for (size_t i = 0; i < patterns_.size(); ++i) {
      if (!used_[i]) {
        throw ConfigError(fmt::format("{} pattern `{}` matches no parameter", what, patterns_[i]),
                          "patterns are compared with whole published names; `*` stands for any characters");
      }
    }
  }

 private:
  const std::vector<std::string>& patterns_;
  std::vector<bool> used_;
};

}  // namespace

int64_t freeze_parameters(spec::ModelSpec& model, const std::vector<std::string>& freeze,
                          const std::vector<std::string>& keep) {
  Patterns frozen(freeze), kept(keep);
  std::set<std::string> distinct;
  for (spec::BlockSpec& block : model.blocks) {
    for (spec::ParamSpec& param : block.params) {
      const std::set<std::string> names = published_names(param);
      const auto count = std::count_if(names.begin(), names.end(), [&](const std::string& name) {
        const bool in = frozen.match(name), out = kept.match(name);
        return in && !out;
      });
      // A copy under another name stands for the same values: one match freezes them.
      const bool fused = param.pieces.size() > 1 && param.pieces.front().copies.empty();
      if (count == 0 || param.update == spec::Update::statistic) continue;
      if (fused && count < static_cast<int64_t>(names.size())) {
        throw ConfigError(fmt::format("only part of {} ({}) would be frozen", param.name, fmt::join(names, ", ")),
                          "these are trained together: freeze all of them or none");
      }
      param.update = spec::Update::frozen;
      distinct.insert(param.name);
    }
  }
  frozen.require_all_used("freeze");
  kept.require_all_used("keep");
  return static_cast<int64_t>(distinct.size());
}

}  // namespace loongforge::parallel
