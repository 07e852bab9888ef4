// SPDX-License-Identifier: Apache-2.0
// train::Registry: what a run can be built from. A value; users add their own families, datasets and optimizers in code.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loongforge/config/run_config.h"
#include "loongforge/config/schema.h"
#include "loongforge/data/dataset.h"
#include "loongforge/nn/block.h"
#include "loongforge/optim/optimizer.h"
#include "loongforge/spec/model_spec.h"

namespace loongforge::train {

enum class Split : uint8_t { train, valid };

/// Makes the dataset of a `data.kind`; nullptr when the run has no such split. Errors: DataError, ConfigError.
using DatasetFactory =
    std::function<std::shared_ptr<const data::Dataset>(const config::RunConfig&, const spec::ModelSpec&, Split)>;
using OptimizerFactory = std::function<std::unique_ptr<optim::Optimizer>(const config::RunConfig&)>;

/// The declared keys of `plugins.<name>` and the struct that they are read into.
struct PluginSettings {
  std::shared_ptr<const config::SectionSpec> schema;
  std::shared_ptr<void> object;
};

struct Registry {
  spec::Registry families;                                            ///< by model_type
  std::map<std::string, nn::ModelFactory, std::less<>> models;        ///< by ModelSpec::family
  std::map<std::string, DatasetFactory, std::less<>> datasets;        ///< by data.kind
  std::map<std::string, OptimizerFactory, std::less<>> optimizers;    ///< by optim.name
  std::map<std::string, PluginSettings, std::less<>> plugins;         ///< by <name> of plugins.<name>

  /// The explicit lists of everything that ships with the library.
  static Registry builtin();
  /// Declares the keys of `plugins.<name>`. What is returned holds the configured values (T's own where none is given)
  /// from the end of load_plugins on, so for every factory that captures it.
  template <class T>
  std::shared_ptr<const T> plugin_settings(const std::string& name, const config::Section<T>& schema) {
    auto object = std::make_shared<T>();
    plugins[name] = {std::make_shared<const config::Section<T>>(schema), object};
    return object;
  }
  std::vector<std::string> dataset_kinds() const;
  std::vector<std::string> optimizer_names() const;
};

/// Name of the function that a plug-in library (`run.plugins`) exports: extern "C" void loongforge_register(train::Registry&).
inline constexpr const char* kPluginEntry = "loongforge_register";
/// Loads each library of `run.plugins`, calls its entry, then reads `plugins` into the settings that the registry
/// declares. Throws ConfigError naming the library and what is wrong with it, or every key that is, with its place.
void load_plugins(const config::RunConfig& config, Registry& registry);

}  // namespace loongforge::train
