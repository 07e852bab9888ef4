// SPDX-License-Identifier: Apache-2.0
// Where a run begins: build the stage, open the data, then resume, load, or initialise.
#include <algorithm>
#include <cmath>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/core/log.h"
#include "loongforge/core/text.h"
#include "loongforge/platform/device.h"
#include "loongforge/spec/model_path.h"
#include "loongforge/train/first_rank.h"
#include "trainer_impl.h"

namespace loongforge::train {

namespace fs = std::filesystem;

namespace {

template <class Map>
const auto& pick(const Map& map, const std::string& key, const char* what) {
  const auto found = map.find(key);
  if (found != map.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(name);
  const auto close = nearest(key, names);
  throw ConfigError(fmt::format("{}: `{}` is not registered", what, key),
                    fmt::format("{}registered: {}", close ? fmt::format("did you mean `{}`? ", *close) : "",
                                join_names(names)));
}

}  // namespace

bool any_frozen(ckpt::ParamList params) {
  return std::any_of(params.begin(), params.end(), [](const auto* p) { return p->update == spec::Update::frozen; });
}

data::LoaderOptions loader_options(const Trainer::Impl& impl, int64_t total_samples) {
  data::LoaderOptions options;
  const auto& mesh = impl.stage->mesh();
  options.micro_batch_size = impl.config.train.micro_batch_size;
  options.dp_rank = mesh.index(spec::Axis::dp);
  options.dp_size = mesh.size(spec::Axis::dp);
  options.global_batch_size = impl.config.train.global_batch_size;
  options.seed = impl.seed();
  options.shuffle = impl.config.data.shuffle;
  options.total_samples = total_samples;
  options.row_multiple = impl.config.parallel.sequence_parallel ? mesh.size(spec::Axis::tp) : 1;
  options.prefetch = static_cast<int>(impl.config.data.prefetch);
  options.workers = static_cast<int>(impl.config.data.workers);
  options.pin = !impl.device.is_cpu();
  return options;
}

Trainer::Impl::Impl(config::RunConfig config_in, Registry registry_in, comm::Group world,
                    std::vector<std::shared_ptr<Hook>> hooks_in)
    : config(std::move(config_in)), registry(std::move(registry_in)), hooks(std::move(hooks_in)) {
  build(world);
  lock_output();
  open_data();
}

void Trainer::Impl::build(const comm::Group& world) {
  // The world of processes knows this rank's place on its node; ranks that are threads are all on this one.
  device = platform::open_device(config.platform.device, world.device().is_cpu() ? world.rank() : world.device().index());
  uploader.emplace(device);
  const spec::Mesh mesh = make_mesh(config, world.size(), world.rank());
  spec::ModelSpec model = load_model_spec(config, registry.families);
  factory = pick(registry.models, model.family, "model family");
  const auto& make_optimizer = pick(registry.optimizers, config.optim.name, "optim.name");
  stage = std::make_unique<ModelStage>(std::move(model), factory, mesh, make_groups(mesh, world),
                                       stage_options(config, device));
  batch_is_given = config.train.global_batch_size > 0;
  if (!batch_is_given) config.train.global_batch_size = config.train.micro_batch_size * mesh.size(spec::Axis::dp);
  optimizer = make_optimizer(config);
  optimizer->attach(stage->store().shards());
}

int64_t Trainer::Impl::total_samples() const {
  if (config.train.steps) return -1;
  return static_cast<int64_t>(std::llround(config.train.epochs * static_cast<double>(train_data->size())));
}

void Trainer::Impl::open_data() {
  const auto& make = pick(registry.datasets, config.data.kind, "data.kind");
  const auto open = [&] {
    train_data = make(config, stage->model(), Split::train);
    valid_data = make(config, stage->model(), Split::valid);
  };
  // The first rank may prepare files that the others then read: a whole corpus may be tokenized here.
  const auto period = std::chrono::milliseconds(static_cast<int64_t>(std::clamp(config.fault.timeout * 250, 1.0, 1000.0)));
  first_rank_first(stage->groups().world, period, open);
  if (!train_data || train_data->size() == 0) {
    throw DataError("the training data holds no sample", "check data.train and data.seq_length");
  }
  for (const auto& dataset : {train_data, valid_data}) {
    if (first_rank() && dataset && !dataset->summary().empty()) log_info("{}", dataset->summary());
  }
  plan_length();
}

void Trainer::Impl::plan_length() {
  const int64_t batch = config.train.global_batch_size;
  total_steps = config.train.steps.value_or((total_samples() + batch - 1) / batch);
  schedule = make_schedule(config.optim, total_steps);
}

void Trainer::Impl::save_config() {
  if (first_rank()) {
    write_file(fs::path(config.run.output_dir) / "config.yaml", config::dump_yaml(config, false));
  }
  stage->groups().world.barrier();
}

void Trainer::Impl::lock_output() {
  if (first_rank()) {
    make_folders(config.run.output_dir);
    lock = std::make_unique<FileLock>(fs::path(config.run.output_dir) / "run.lock");
  }
  stage->groups().world.barrier();
}

void Trainer::Impl::start(Trainer& trainer) {
  ckpt::StoreOptions options;
  options.keep_last = static_cast<int>(config.checkpoint.keep);
  checkpoints = std::make_unique<ckpt::CheckpointStore>(config.run.output_dir, stage->groups().world, options);
  const auto from = find_origin();
  if (from) {
    resume(*from);
  } else if (!config.model.path.empty() && config.model.load_weights) {
    load_source();
  } else {
    stage->store().initialise(seed());
  }
  if (source.side_files_from.empty()) {
    source.side_files_from = !config.model.path.empty() ? spec::find_model(config.model.path, "model.path")
                                                        : spec::find_tokenizer(config.data.tokenizer, "data.tokenizer");
    if (fs::is_regular_file(source.side_files_from)) {
      const fs::path folder = source.side_files_from.parent_path();
      source.side_files_from = folder.empty() ? fs::path(".") : folder;
    }
  }
  checkpoints->continue_from(from);
  save_config();
  loader = std::make_unique<data::Loader>(train_data, loader_options(*this, total_samples()), consumed);
  for (auto& hook : hooks) hook->on_start(trainer);
}

void Trainer::Impl::load_source() {
  const auto directory = std::make_shared<const ckpt::ModelDir>(spec::find_model(config.model.path, "model.path"));
  ckpt::LoadOptions options;
  options.seed = seed();
  options.may_initialise = {"base_model.*"};
  const auto params = stage->model().distinct_params();
  const auto report = ckpt::load_published(*directory, params, stage->store().placed({"master"}), options);
  stage->store().refresh_weights();
  if (any_frozen(params)) source.frozen = {directory, &directory->tensors()};
  source.dtypes = report.dtypes;
  source.copies = {report.tied.begin(), report.tied.end()};
  if (first_rank()) log_info("{}: {}", config.model.path, report.summary());
}

}  // namespace loongforge::train
