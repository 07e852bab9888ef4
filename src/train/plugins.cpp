// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include <filesystem>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"
#include "loongforge/train/registry.h"

namespace loongforge::train {

namespace fs = std::filesystem;

namespace {

/// dlopen looks for names without a slash in the system's folders only; a file that is here is meant first.
std::string library_path(const std::string& given) {
  return fs::exists(given) ? fs::absolute(given).string() : given;
}

void load_library(const std::string& given, Registry& registry) {
  void* library = ::dlopen(library_path(given).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    throw ConfigError(fmt::format("run.plugins: cannot load {}: {}", given, ::dlerror()),
                      "give the path of a shared library built against this LoongForge");
  }
  using Entry = void (*)(Registry&);
  auto entry = reinterpret_cast<Entry>(::dlsym(library, kPluginEntry));
  if (!entry) {
    throw ConfigError(fmt::format("run.plugins: {} exports no {}", given, kPluginEntry),
                      "declare extern \"C\" void loongforge_register(loongforge::train::Registry&)");
  }
  try {
    entry(registry);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& failure) {
    throw ConfigError(fmt::format("run.plugins: {} failed to register: {}", given, failure.what()),
                      "see the plug-in's documentation");
  }
}

void read_settings(const config::RunConfig& config, const Registry& registry) {
  config::Problems problems;
  std::vector<std::string> warnings;
  config::Reading reading{problems, warnings, {}};
  std::vector<std::string> names;
  for (const auto& [name, settings] : registry.plugins) {
    names.push_back(name);
    const auto* given = config.plugins.find(name);
    settings.schema->read(settings.object.get(), given ? *given : config::Value(), "plugins." + name, reading);
  }
  for (const auto& entry : config.plugins.map()) {
    if (registry.plugins.contains(entry.key)) continue;
    const auto close = nearest(entry.key, names);
    problems.add(entry.place, fmt::format("unknown key plugins.{}{}", entry.key,
                                          close           ? fmt::format("; did you mean plugins.{}?", *close)
                                          : names.empty() ? "; no library of run.plugins declares settings"
                                                          : "; declared: " + join_names(names)));
  }
  problems.throw_if_any();
}

}  // namespace

void load_plugins(const config::RunConfig& config, Registry& registry) {
  for (const auto& library : config.run.plugins) load_library(library, registry);
  read_settings(config, registry);
}

}  // namespace loongforge::train
