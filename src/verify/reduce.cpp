// SPDX-License-Identifier: Apache-2.0
// How verify makes a configuration small: sizes shrink, what does not divide evenly stays.
#include <algorithm>
#include <numeric>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"
#include "loongforge/spec/components/decoder.h"
#include "loongforge/verify/verify.h"

namespace loongforge::verify {

namespace {

constexpr int64_t kSmallModel = 2'000'000;  // parameters; smaller models are run as they are
constexpr int64_t kMaxRanks = 32;
constexpr int64_t kHeadDim = 8, kSteps = 3;

/// A size of at least `small` with the remainder of `size` by `divisor` (so by every factor of it), and never above it.
int64_t shrunk(int64_t size, int64_t small, int64_t divisor) {
  const int64_t candidate = small + ((size - small) % divisor + divisor) % divisor;
  return std::min(size, candidate);
}

/// Lists with one entry a layer are cut to the layers that are left.
void cut_lists(Json& config, int64_t layers, int64_t kept) {
  for (auto& [key, value] : config.items()) {
    if (value.is_array() && static_cast<int64_t>(value.size()) == layers) {
      value.erase(value.begin() + kept, value.end());
    }
  }
}

/// The same model with fewer and smaller matrices. The numbers of query and key-value heads stay; widths, vocabulary and
/// layers keep their remainders by tp and pp, so that padding and uneven shares are those of the model given.
Json small_model(const spec::ModelSpec& model, const spec::DecoderConfig& decoder, const config::ParallelSection& p) {
  Json small = model.hf_config;
  const int64_t layers = decoder.num_hidden_layers;
  const int64_t kept = shrunk(layers, p.pp < 2 ? 2 : p.pp, p.pp);
  small["num_hidden_layers"] = kept;
  if (small.contains("max_window_layers")) {
    small["max_window_layers"] = std::min(kept, small["max_window_layers"].get<int64_t>());
  }
  cut_lists(small, layers, kept);
  const int64_t divisor = std::lcm<int64_t>(16, p.tp);
  small["hidden_size"] = shrunk(decoder.hidden_size, 64, divisor);
  small["intermediate_size"] = shrunk(decoder.intermediate_size, 96, divisor);
  small["vocab_size"] = shrunk(decoder.vocab_size, 256, divisor);
  small["head_dim"] = std::min(decoder.head_dim, kHeadDim);
  return small;
}

/// Fewer ranks, data parallel ones first: the tensor parallel size is what shapes don't divide by.
void shrink_mesh(config::ParallelSection& p, std::string& note) {
  const auto world = [&] { return p.tp * p.cp * p.pp * *p.dp; };
  const std::pair<const char*, int64_t*> axes[] = {{"dp", &*p.dp}, {"pp", &p.pp}, {"cp", &p.cp}, {"tp", &p.tp}};
  for (const auto& [name, size] : axes) {
    if (world() <= kMaxRanks || *size <= 2) continue;
    note += fmt::format("{} {} to 2; ", name, *size);
    *size = 2;
  }
}

/// Patterns that name only layers that are gone would be errors.
void drop_unmatched(std::vector<std::string>& patterns, const spec::ModelSpec& given, const spec::ModelSpec& small,
                    std::string& note) {
  const auto names_any = [](const spec::ModelSpec& model, const std::string& pattern) {
    for (const auto* param : model.distinct_params()) {
      for (const auto& piece : param->pieces) {
        if (glob_match(pattern, piece.hf_name)) return true;
      }
    }
    return false;
  };
  std::erase_if(patterns, [&](const std::string& pattern) {
    const bool gone = names_any(given, pattern) && !names_any(small, pattern);
    if (gone) note += fmt::format("; model.freeze `{}` left out with its layers", pattern);
    return gone;
  });
}

void shrink_model(config::RunConfig& config, const train::Registry& registry, std::string& note) {
  const auto model = train::load_model_spec(config, registry.families);
  config.model.path.clear();
  config.model.config = config::from_json(model.hf_config);
  const auto* decoder = dynamic_cast<const spec::DecoderConfig*>(model.config.get());
  if (model.parameter_count() <= kSmallModel || !decoder) {
    note += "the model as it is";
    return;
  }
  const Json small = small_model(model, *decoder, config.parallel);
  config.model.config = config::from_json(small);
  const auto reduced = train::load_model_spec(config, registry.families);
  note += fmt::format("{} parameters to {} ({} layers, {} + {} heads of {}, hidden {}, mlp {}, vocabulary {})",
                      format_count(static_cast<double>(model.parameter_count())),
                      format_count(static_cast<double>(reduced.parameter_count())),
                      small["num_hidden_layers"].get<int64_t>(), decoder->num_attention_heads,
                      decoder->num_key_value_heads, small["head_dim"].get<int64_t>(),
                      small["hidden_size"].get<int64_t>(), small["intermediate_size"].get<int64_t>(),
                      small["vocab_size"].get<int64_t>());
  drop_unmatched(config.model.freeze, model, reduced, note);
}

}  // namespace

config::RunConfig reduce(config::RunConfig config, const train::Registry& registry, int& ranks, std::string& note) {
  auto& p = config.parallel;
  if (!p.dp) p.dp = 2;
  shrink_mesh(p, note);
  ranks = static_cast<int>(p.tp * p.cp * p.pp * *p.dp);
  shrink_model(config, registry, note);
  config.data.kind = "verify";
  config.data.tokenizer.clear();  // nothing is read or saved
  config.data.prefetch = 0;
  config.train.steps = kSteps;
  config.train.micro_batch_size = 2;
  config.train.global_batch_size = 2 * (2 * *p.dp + 1);  // one rank gets a microbatch more than the others
  config.train.eval_every = 0;
  config.train.eval_at_end = false;
  config.train.exit_at_step = 0;
  config.precision = {};
  config.precision.dtype = Dtype::f64;
  config.optim.lr = 1e-3;
  config.optim.warmup_steps = 0;
  config.checkpoint.every = 0;
  config.checkpoint.save_last = false;
  config.run.resume = "never";
  config.platform.device = "cpu";
  return config;
}

config::RunConfig on_one_rank(config::RunConfig config) {
  config.parallel = {};
  config.parallel.dp = 1;
  config.memory = {};
  return config;
}

}  // namespace loongforge::verify
