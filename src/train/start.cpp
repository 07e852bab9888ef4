// SPDX-License-Identifier: Apache-2.0
// Where a run begins: build the stage, open the data, then resume, load, or initialise.
#include <cmath>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/core/json.h"
#include "loongforge/core/log.h"
#include "loongforge/core/text.h"
#include "loongforge/platform/device.h"
#include "trainer_impl.h"

namespace loongforge::train {

namespace fs = std::filesystem;

namespace {

std::string schedule_name(config::Schedule schedule) {
  switch (schedule) {
    case config::Schedule::constant: return "constant";
    case config::Schedule::linear: return "linear";
    case config::Schedule::cosine: return "cosine";
    case config::Schedule::inverse_sqrt: return "inverse_sqrt";
    case config::Schedule::wsd: return "wsd";
  }
  return "constant";
}

optim::LrSchedule make_schedule(const config::OptimSection& optim, int64_t total_steps) {
  optim::LrConfig lr;
  lr.kind = schedule_name(optim.schedule);
  lr.lr = optim.lr;
  lr.min_lr = optim.min_lr;
  lr.warmup_steps = optim.warmup_steps;
  lr.total_steps = optim.decay_steps > 0 ? optim.decay_steps : std::max<int64_t>(total_steps, 1);
  lr.warmup_steps = std::min(lr.warmup_steps, lr.total_steps);
  lr.decay_steps = optim.wsd_decay_steps > 0 ? optim.wsd_decay_steps : lr.total_steps / 10;
  lr.decay_type = optim.wsd_decay == config::WsdDecay::linear   ? "linear"
                  : optim.wsd_decay == config::WsdDecay::cosine ? "cosine"
                                                                : "1-sqrt";
  return optim::LrSchedule(lr);
}

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

data::LoaderOptions loader_options(const Trainer::Impl& impl, int64_t total_samples) {
  data::LoaderOptions options;
  const auto& mesh = impl.stage->mesh();
  options.micro_batch_size = impl.config.train.micro_batch_size;
  options.dp_rank = mesh.index(spec::Axis::dp);
  options.dp_size = mesh.size(spec::Axis::dp);
  options.global_batch_size = impl.config.train.global_batch_size > 0
                                  ? impl.config.train.global_batch_size
                                  : options.micro_batch_size * options.dp_size;
  options.seed = impl.seed();
  options.shuffle = impl.config.data.shuffle;
  options.total_samples = total_samples;
  options.row_multiple = impl.config.parallel.sequence_parallel ? mesh.size(spec::Axis::tp) : 1;
  options.prefetch = static_cast<int>(impl.config.data.prefetch);
  options.workers = static_cast<int>(impl.config.data.workers);
  return options;
}

Trainer::Impl::Impl(config::RunConfig config_in, Registry registry_in, comm::Group world,
                    std::vector<std::shared_ptr<Hook>> hooks_in)
    : config(std::move(config_in)), registry(std::move(registry_in)), hooks(std::move(hooks_in)) {
  build(world);
  open_data();
}

void Trainer::Impl::build(const comm::Group& world) {
  device = platform::open_device(config.platform.device, world.rank());
  const spec::Mesh mesh = make_mesh(config, world.size(), world.rank());
  spec::ModelSpec model = load_model_spec(config, registry.families);
  factory = pick(registry.models, model.family, "model family");
  const auto& make_optimizer = pick(registry.optimizers, config.optim.name, "optim.name");
  stage = std::make_unique<ModelStage>(std::move(model), factory, mesh, make_groups(mesh, world),
                                       stage_options(config, device));
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
  // The first rank may prepare files that the others then read.
  const auto& world = stage->groups().world;
  if (world.rank() == 0) open();
  world.barrier();
  if (world.rank() != 0) open();
  if (!train_data || train_data->size() == 0) {
    throw DataError("the training data holds no sample", "check data.train and data.seq_length");
  }
  for (const auto& dataset : {train_data, valid_data}) {
    if (first_rank() && dataset && !dataset->summary().empty()) log_info("{}", dataset->summary());
  }
  const int64_t batch = loader_options(*this, -1).global_batch_size;
  total_steps = config.train.steps.value_or((total_samples() + batch - 1) / batch);
  schedule = make_schedule(config.optim, total_steps);
}

void Trainer::Impl::save_config() {
  if (first_rank()) {
    make_folders(config.run.output_dir);
    write_file(fs::path(config.run.output_dir) / "config.yaml", config::dump_yaml(config, false));
  }
  stage->groups().world.barrier();
}

void Trainer::Impl::start(Trainer& trainer) {
  ckpt::StoreOptions options;
  options.keep_last = static_cast<int>(config.checkpoint.keep);
  checkpoints = std::make_unique<ckpt::CheckpointStore>(config.run.output_dir, stage->groups().world, options);
  std::optional<ckpt::Checkpoint> from;
  if (config.run.resume == "auto") {
    auto selection = checkpoints->newest();
    for (const auto& line : selection.damaged) log_warning("{}", line);
    from = selection.checkpoint;
  } else if (config.run.resume != "never") {
    from = checkpoints->open(config.run.resume);
  }
  if (from) {
    resume(*from);
  } else if (!config.model.path.empty() && config.model.load_weights) {
    load_source();
  } else {
    stage->store().initialise(seed());
  }
  if (source.side_files_from.empty()) {
    source.side_files_from = !config.model.path.empty() ? fs::path(config.model.path) : fs::path(config.data.tokenizer);
    if (fs::is_regular_file(source.side_files_from)) source.side_files_from = source.side_files_from.parent_path();
  }
  checkpoints->continue_from(from);
  save_config();
  loader = std::make_unique<data::Loader>(train_data, loader_options(*this, total_samples()), consumed);
  for (auto& hook : hooks) hook->on_start(trainer);
}

void Trainer::Impl::load_source() {
  const ckpt::ModelDir directory(config.model.path);
  ckpt::LoadOptions options;
  options.seed = seed();
  options.may_initialise = {"base_model.*"};
  const auto params = stage->model().distinct_params();
  const auto report = ckpt::load_published(directory, params, stage->store().placed({"master"}), options);
  stage->store().refresh_weights();
  source.dtypes = report.dtypes;
  source.copies = {report.tied.begin(), report.tied.end()};
  if (first_rank()) log_info("{}: {}", config.model.path, report.summary());
}

void Trainer::Impl::resume(const ckpt::Checkpoint& checkpoint) {
  const Json state = read_json(checkpoint.folder / "trainer.json", FileRole::checkpoint);
  const auto saved = config::read_yaml((checkpoint.folder / "config.yaml").string());
  const auto differing = config::differing_keys(saved, config.tree);
  if (!differing.empty()) {
    throw ConfigError(fmt::format("{} was made with another configuration; these keys differ: {}",
                                  checkpoint.folder.string(), join_names(differing)),
                      "restore them, choose another run.output_dir, or set run.resume=never");
  }
  const auto params = stage->model().distinct_params();
  std::vector<const spec::ParamSpec*> trained;
  for (const auto* param : params) {
    if (param->update == spec::Update::gradient) trained.push_back(param);
  }
  auto& store = stage->store();
  auto masters = store.placed({"master"});
  const ckpt::TensorSet model(checkpoint.folder);
  ckpt::LoadOptions weights;
  weights.may_initialise = {"base_model.*"};
  const auto report = ckpt::load_published(model, params, masters, weights);
  const fs::path optimizer_folder = checkpoint.folder / "optimizer";
  if (!ckpt::TensorSet::exists(optimizer_folder, "master")) {
    throw CheckpointError(fmt::format("{} has no optimizer state", checkpoint.folder.string()),
                          "it was saved with checkpoint.optimizer=false; continue from it with model.path instead");
  }
  std::erase_if(masters, [](const comm::PlacedBox& box) { return box.spec->update != spec::Update::gradient; });
  ckpt::load_published(ckpt::TensorSet(optimizer_folder, "master"), trained, masters);
  for (const auto& name : optimizer->state_names()) {
    ckpt::load_published(ckpt::TensorSet(optimizer_folder, name), trained, store.placed({name}));
  }
  store.refresh_weights();
  steps = state.at("step");
  consumed = state.at("consumed_samples");
  last_saved = steps;
  optimizer->set_counts({state.at("optimizer").at("taken"), state.at("optimizer").at("skipped")});
  for (const auto& [name, dtype] : state.at("disk_dtypes").items()) {
    if (const auto known = dtype_from_name(dtype.get<std::string>())) source.dtypes[name] = *known;
  }
  source.copies = state.at("copies").get<std::set<std::string>>();
  source.side_files_from = checkpoint.folder;
  if (first_rank()) log_info("resumed {} ({})", checkpoint.folder.string(), report.summary());
}

}  // namespace loongforge::train
