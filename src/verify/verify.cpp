// SPDX-License-Identifier: Apache-2.0
#include "loongforge/verify/verify.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"
#include "loongforge/spec/components/decoder.h"

namespace loongforge::verify {

namespace {

constexpr int kSteps = 3;
constexpr int64_t kSmallModel = 2'000'000;  // parameters; smaller models are run as they are
constexpr int kMaxRanks = 32;

/// A folder that is removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "loongforge-verify-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) {
      throw ResourceError("cannot make a temporary folder " + pattern, "free space in it, or set TMPDIR");
    }
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The debug size of the family, with what makes this model special kept.
Json debug_model(const spec::ModelSpec& model, const spec::Registry& families, int64_t pp, std::string& note) {
  Json small = families.family(model.family).debug_config;
  small["model_type"] = model.family;
  for (const char* key : {"tie_word_embeddings", "attention_bias", "mlp_bias", "rope_scaling", "rope_parameters",
                          "rope_theta", "rms_norm_eps"}) {
    if (model.hf_config.contains(key)) small[key] = model.hf_config[key];
  }
  small["num_hidden_layers"] = std::max<int64_t>({2, pp, small.value("num_hidden_layers", int64_t{2})});
  note = fmt::format("{} parameters to the debug size of {}", format_count(static_cast<double>(model.parameter_count())),
                     model.family);
  return small;
}

int64_t classes_of(const spec::ModelSpec& model) {
  const auto* decoder = dynamic_cast<const spec::DecoderConfig*>(model.config.get());
  if (!decoder) {
    throw ConfigError(fmt::format("verify knows no synthetic data for the family {}", model.family),
                      "compare runs of your own dataset with verify::run_trace and verify::compare");
  }
  return decoder->vocab_size;
}

std::string first_divergence(const Report& report, const Trace& reference) {
  for (auto name = reference.order.rbegin(); name != reference.order.rend(); ++name) {
    for (const auto& d : report.differences) {
      if (d.what == *name && d.where == "gradient, step 1" && !(d.relative <= report.bar)) return d.block;
    }
  }
  return {};
}

}  // namespace

config::RunConfig reduce(config::RunConfig config, const train::Registry& registry, int& ranks, std::string& note) {
  auto& p = config.parallel;
  if (!p.dp) p.dp = 2;
  const auto world = [&] { return p.tp * p.cp * p.pp * *p.dp; };
  if (world() > kMaxRanks) {
    for (int64_t* axis : {&p.tp, &p.cp, &p.pp, &*p.dp}) *axis = std::min<int64_t>(*axis, 2);
    note = "every axis to at most 2; ";
  }
  ranks = static_cast<int>(world());
  const auto model = train::load_model_spec(config, registry.families);
  Json hf_config = model.hf_config;
  std::string model_note = "the model is small already";
  if (model.parameter_count() > kSmallModel) hf_config = debug_model(model, registry.families, p.pp, model_note);
  note += model_note;
  config.model.path.clear();
  config.model.config = config::from_json(hf_config);
  config.data.kind = "verify";
  config.data.prefetch = 0;
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

Report verify(config::RunConfig config, train::Registry registry) {
  const TemporaryFolder folder;
  Report report;
  int ranks = 1;
  config = reduce(std::move(config), registry, ranks, report.reduction);
  registry.datasets["verify"] = [](const config::RunConfig& run, const spec::ModelSpec& model,
                                   train::Split split) -> std::shared_ptr<const data::Dataset> {
    if (split == train::Split::valid) return nullptr;
    return ragged_documents(classes_of(model), 24, 97, static_cast<uint64_t>(run.run.seed));
  };
  config.run.output_dir = folder.path() + "/layout";
  report.layout = fmt::format("{}, zero {}{}", train::make_mesh(config, ranks, 0).describe(), config.parallel.zero,
                              config.parallel.sequence_parallel ? ", sequence parallel" : "");
  const Trace layout = run_trace(config, registry, ranks, kSteps);
  config.run.output_dir = folder.path() + "/one";
  const Trace reference = run_trace(on_one_rank(config), registry, 1, kSteps);
  report.differences = compare(layout, reference);
  report.first_diverging_block = first_divergence(report, reference);
  return report;
}

}  // namespace loongforge::verify
