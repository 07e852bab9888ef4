// SPDX-License-Identifier: Apache-2.0
#include "loongforge/train/registry.h"

#include "loongforge/core/error.h"
#include "loongforge/data/builtin.h"
#include "loongforge/models/registry.h"
#include "loongforge/optim/adamw.h"
#include "loongforge/spec/model_path.h"

namespace loongforge::train {

namespace {

std::unique_ptr<optim::Optimizer> adamw(const config::RunConfig& config) {
  optim::AdamWConfig options;
  options.beta1 = config.optim.betas[0];
  options.beta2 = config.optim.betas[1];
  options.eps = config.optim.eps;
  options.weight_decay = config.optim.weight_decay;
  return optim::make_adamw(options);
}

data::ConversationRequest conversation_request(const config::DataSection& section) {
  data::ConversationRequest request;
  request.format = section.format;
  for (const auto& column : section.columns.map()) request.columns[column.key] = column.value.as_string();
  request.chat_template = section.chat_template;
  request.train_on = section.train_on;
  request.truncation = section.truncation;
  request.pack_buffer = section.pack_buffer;
  return request;
}

/// The fields of the data section that the library's own datasets read.
data::BuiltinRequest data_request(const config::RunConfig& config, Split split) {
  data::BuiltinRequest request;
  request.kind = config.data.kind;
  request.train = config.data.train;
  request.valid = config.data.valid;
  request.weights = config.data.weights;
  request.weight_by = config.data.weight_by;
  request.valid_fraction = config.data.valid_fraction;
  const bool own = !config.data.tokenizer.empty();
  const std::string& tokenizer = own ? config.data.tokenizer : config.model.path;
  if (!tokenizer.empty())
    request.tokenizer = spec::find_tokenizer(tokenizer, own ? "data.tokenizer" : "model.path").string();
  request.seq_length = config.data.seq_length;
  request.packing = config.data.packing;
  request.reset_positions = config.data.reset_positions;
  request.text_key = config.data.text_key;
  request.append_eod = config.data.append_eod;
  request.shuffle = config.data.shuffle;
  request.bad_records = config.data.bad_records;
  request.conversations = conversation_request(config.data);
  request.seed = static_cast<uint64_t>(config.run.seed);
  request.cache_dir = config.run.output_dir + "/data";
  request.validation = split == Split::valid;
  return request;
}

template <class Map>
std::vector<std::string> keys_of(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

}  // namespace

Registry Registry::builtin() {
  Registry registry;
  registry.families = spec::Registry::builtin();
  registry.models = models::builtin_factories();
  for (const auto& kind : data::builtin_kinds()) {
    registry.datasets[kind] = [](const config::RunConfig& config, const spec::ModelSpec& model, Split split) {
      return data::make_builtin(data_request(config, split), model);
    };
  }
  registry.optimizers["adamw"] = adamw;
  return registry;
}

std::vector<std::string> Registry::dataset_kinds() const { return keys_of(datasets); }
std::vector<std::string> Registry::optimizer_names() const { return keys_of(optimizers); }

}  // namespace loongforge::train
