// SPDX-License-Identifier: Apache-2.0
#include "loongforge/verify/verify.h"

#include <unistd.h>

#include <filesystem>

#include "loongforge/core/error.h"
#include "loongforge/spec/components/decoder.h"

namespace loongforge::verify {

namespace {

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
  const Trace layout = run_trace(config, registry, ranks);
  config.run.output_dir = folder.path() + "/one";
  const Trace reference = run_trace(on_one_rank(config), registry, 1);
  report.differences = compare(layout, reference);
  report.first_diverging_block = first_divergence(report, reference);
  return report;
}

}  // namespace loongforge::verify
