// SPDX-License-Identifier: Apache-2.0
// Writing a checkpoint: the family's published directory, the optimizer's state beside it, and trainer.json.
#include <algorithm>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/core/json.h"
#include "loongforge/core/log.h"
#include "trainer_impl.h"

namespace loongforge::train {

namespace {

using Params = std::vector<const spec::ParamSpec*>;

bool is_adapter(const spec::ParamSpec* param) { return param->name.rfind("base_model.", 0) == 0; }

Params filtered(const Params& params, bool (*keep)(const spec::ParamSpec*)) {
  Params kept;
  std::copy_if(params.begin(), params.end(), std::back_inserter(kept), keep);
  return kept;
}

std::vector<comm::PlacedBox> boxes_of(const std::vector<comm::PlacedBox>& boxes, const Params& params) {
  std::vector<comm::PlacedBox> kept;
  for (const auto& box : boxes) {
    const auto same = [&](const spec::ParamSpec* param) { return param->name == box.spec->name; };
    if (std::any_of(params.begin(), params.end(), same)) kept.push_back(box);
  }
  return kept;
}

}  // namespace

Json Trainer::Impl::trainer_state() const {
  const auto counts = optimizer->counts();
  Json state = Json::object();
  state["step"] = steps;
  state["total_steps"] = total_steps;
  state["consumed_samples"] = consumed;
  state["global_batch_size"] = config.train.global_batch_size;
  state["optimizer"] = {{"name", config.optim.name}, {"taken", counts.taken}, {"skipped", counts.skipped}};
  state["seed"] = config.run.seed;
  state["mesh"] = stage->mesh().describe();
  Json dtypes = Json::object();
  for (const auto& [name, dtype] : source.dtypes) dtypes[name] = dtype_name(dtype);
  state["disk_dtypes"] = std::move(dtypes);
  state["copies"] = source.copies;
  if (!resumed_from.empty()) state["resumed_from"] = resumed_from;
  return state;
}

ckpt::Checkpoint Trainer::Impl::write_checkpoint() {
  const auto started = std::chrono::steady_clock::now();
  auto& store = stage->store();
  const Params all = stage->model().distinct_params();
  const Params base = filtered(all, [](const spec::ParamSpec* p) { return !is_adapter(p); });
  const Params adapters = filtered(all, is_adapter);
  const Params trained = filtered(all, [](const spec::ParamSpec* p) { return p->update == spec::Update::gradient; });
  const auto masters = store.placed({"master"});

  ckpt::SaveOptions options;
  options.max_file_bytes = config.checkpoint.max_shard_size.bytes;
  options.copies = source.copies;
  options.frozen_from = source.frozen.get();
  options.dtype = ckpt::disk_dtype(config.precision.dtype, source.dtypes);
  if (config.checkpoint.dtype) {
    options.dtype = [dtype = *config.checkpoint.dtype](const spec::ParamSpec&, const std::string&, Dtype) {
      return dtype;
    };
  }
  ckpt::Save save = checkpoints->begin(steps);
  save.tensors("model", base, boxes_of(masters, base), options);
  if (!adapters.empty()) save.tensors("adapter_model", adapters, boxes_of(masters, adapters), options);
  if (config.checkpoint.optimizer) {
    ckpt::SaveOptions exact;
    exact.max_file_bytes = options.max_file_bytes;
    save.tensors("optimizer/master", trained, boxes_of(masters, trained), exact);
    for (const auto& name : optimizer->state_names()) {
      save.tensors("optimizer/" + name, trained, store.placed({name}), exact);
    }
  }
  Json hf_config = stage->model().hf_config;
  const char* key = hf_config.contains("torch_dtype") && !hf_config.contains("dtype") ? "torch_dtype" : "dtype";
  if (!base.empty() && !base.front()->pieces.empty()) {
    hf_config[key] = dtype_name(options.dtype(*base.front(), base.front()->pieces.front().hf_name,
                                              config.precision.master_dtype()));
  }
  save.json("config.json", hf_config);
  save.json("trainer.json", trainer_state());
  if (!source.side_files_from.empty()) {
    for (const auto& file : ckpt::find_side_files(source.side_files_from)) save.copy(file);
  }
  save.copy(std::filesystem::path(config.run.output_dir) / "config.yaml");
  auto checkpoint = save.commit();
  last_saved = steps;
  if (first_rank()) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    log_info("saved {} in {:.2f} s", checkpoint.folder.string(), took.count());
  }
  return checkpoint;
}

std::string Trainer::Impl::save(Trainer& trainer) {
  const std::string folder = write_checkpoint().folder.string();
  for (auto& hook : hooks) hook->on_saved(trainer, folder);
  return folder;
}

void Trainer::Impl::save_or_go_on(Trainer& trainer) {
  std::string folder;
  try {
    folder = write_checkpoint().folder.string();  // its errors are the same on every rank
  } catch (const Error& failure) {
    if (failure.code() != ExitCode::checkpoint && failure.code() != ExitCode::resource) throw;
    ++failed_saves;
    if (first_rank()) log_warning("step {} is not saved, the run goes on: {}", steps, failure.what());
    for (auto& hook : hooks) hook->on_save_failed(trainer, steps, failed_saves);
    return;
  }
  for (auto& hook : hooks) hook->on_saved(trainer, folder);
}

}  // namespace loongforge::train
