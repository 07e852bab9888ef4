// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "config/sections.h"
#include "loongforge/config/compose.h"
#include "loongforge/config/interpolate.h"
#include "loongforge/config/override.h"
#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::config {
namespace fs = std::filesystem;

const Field* field_at(std::string_view path) {
  const SectionSpec* section = &run_schema();
  const Field* field = nullptr;
  for (std::string_view part : split(path, '.')) {
    field = section ? section->find(part.substr(0, part.find('['))) : nullptr;
    if (!field) return nullptr;
    section = field->section.get();
  }
  return field;
}

namespace {

constexpr int64_t kConfigVersion = 1;

/// Is the map at `path` one that takes any key (a free-form field or a part of one)?
bool is_open(std::string_view path) {
  for (size_t dot = path.find('.');; dot = path.find('.', dot + 1)) {
    if (const Field* field = field_at(path.substr(0, dot)); field && field->free_form) return true;
    if (dot == path.npos) return false;
  }
}

void apply_all(Value& root, const std::vector<Override>& overrides, Problems& problems) {
  for (const Override& override_ : overrides) {
    std::string_view parent = std::string_view(override_.key).substr(0, override_.key.rfind('.'));
    bool known = field_at(override_.key) || (override_.key.find('.') != std::string::npos && is_open(parent));
    if (override_.op == Override::Op::remove && !known) {
      std::string advice = foreign_key_advice(override_.key);
      problems.add(override_.place,
                   fmt::format("unknown key {}{}{}", override_.key, advice.empty() ? "" : "; ", advice));
      continue;
    }
    apply_override(root, override_, is_open, problems);
  }
}

/// Stops at once: a newer version may mean anything by any key.
void check_version(const Value& root) {
  const Value* version = root.find("config_version");
  if (!version || !version->is(Value::Kind::integer) || version->as_int() <= kConfigVersion) return;
  throw ConfigError(fmt::format("{}: config_version {} is newer than this program reads ({})", version->place.text(),
                                version->as_int(), kConfigVersion),
                    "use a newer LoongForge, or write the configuration for this one");
}

void find_missing(const Value& value, const std::string& path, Problems& problems) {
  if (value.is_missing()) problems.add(value.place, fmt::format("{} must be set: it is `???`", path));
  if (value.is_map()) {
    for (const Entry& entry : value.map()) find_missing(entry.value, path + "." + entry.key, problems);
  } else if (value.is(Value::Kind::list)) {
    for (size_t i = 0; i < value.list().size(); ++i) {
      find_missing(value.list()[i], fmt::format("{}[{}]", path, i), problems);
    }
  }
}

void fill(RunConfig& config, const char* key, std::string& field, const std::string& value) {
  if (!field.empty()) return;
  field = value;
  config.tree.find("run")->set(key, Value(value));
}

RunConfig finish(Value root, const std::string& name, const LoadOptions& options, Problems& problems) {
  check_version(root);
  interpolate(root, problems);
  RunConfig config;
  config.config_name = name;
  Reading reading{problems, config.warnings, foreign_key_advice};
  config.tree = run_schema().read(&config, root, "", reading);
  find_missing(config.model.config, "model.config", problems);
  find_missing(config.plugins, "plugins", problems);
  fill(config, "name", config.run.name, name);
  fill(config, "output_dir", config.run.output_dir, "runs/" + config.run.name);
  check_combinations(config, options, problems);
  problems.throw_if_any();
  return config;
}

void describe(const SectionSpec& section, const std::string& path, std::vector<FieldInfo>& out) {
  for (const Field& field : section.fields()) {
    std::string full = path.empty() ? field.name : path + "." + field.name;
    std::string default_value = field.section ? "" : std::string(trim(dump_yaml(field.default_value)));
    out.push_back({full, field.type, std::move(default_value), field.doc});
    if (field.section) describe(*field.section, full, out);
  }
}

// Keys that may change between a run and its resume.
bool is_harmless(const std::string& path) {
  for (std::string_view prefix : {"run.name", "run.output_dir", "run.resume", "train.eval_", "train.exit_at_step",
                                  "run.allow_changes", "checkpoint.", "log.", "fault.", "platform.",
                                  "parallel.", "memory.", "data.workers", "data.prefetch", "config_version"}) {
    if (path.starts_with(prefix)) return true;
  }
  return false;
}

/// What is saved for a text: before interpolation of the environment, with escaped dollars as they will be read.
std::string saved_text(const Value& value) {
  std::string text = value.unexpanded.empty() ? value.as_string() : value.unexpanded;
  for (size_t at; (at = text.find("$${")) != std::string::npos;) text.erase(at, 1);
  return text;
}

/// The same value, however it is spelled; `a` may be a saved configuration read back without interpolation.
bool is_same(const Value& a, const Value& b) {
  if (a.is(Value::Kind::list) && b.is(Value::Kind::list)) {
    return std::equal(a.list().begin(), a.list().end(), b.list().begin(), b.list().end(), is_same);
  }
  auto is_text = [](const Value& v) { return v.is(Value::Kind::string) || !v.unexpanded.empty(); };
  auto text = [](const Value& v) { return v.is(Value::Kind::string) ? saved_text(v) : v.unexpanded; };
  if (is_text(a) && is_text(b)) return text(a) == text(b);
  return to_json(a) == to_json(b);
}

void differences(const Value* a, const Value* b, const std::string& path, std::vector<std::string>& out) {
  if (a && b && a->is_map() && b->is_map()) {
    for (const Entry& entry : a->map()) {
      differences(&entry.value, b->find(entry.key), path.empty() ? entry.key : path + "." + entry.key, out);
    }
    for (const Entry& entry : b->map()) {
      if (!a->find(entry.key))
        differences(nullptr, &entry.value, path.empty() ? entry.key : path + "." + entry.key, out);
    }
    return;
  }
  if (is_harmless(path)) return;
  // A key that one version of the program didn't write yet has its default.
  if (!a != !b) {
    const Field* field = field_at(path);
    const Value& present = a ? *a : *b;
    if (field && is_same(field->default_value, present)) return;
    out.push_back(path);
  } else if (!is_same(*a, *b)) {
    out.push_back(path);
  }
}

}  // namespace

RunConfig load_run_config(const std::string& path_or_name, const LoadOptions& options) {
  SearchPath search = SearchPath::standard();
  fs::path file = search.locate(path_or_name);
  search = search.preferring(file.has_parent_path() ? file.parent_path() : fs::path("."));
  std::vector<Override> overrides = parse_overrides(options.overrides);
  Choices choices = take_choices(overrides, search);
  Value root = compose(file, search, std::move(choices));
  Problems problems;
  apply_all(root, overrides, problems);
  RunConfig config = finish(std::move(root), file.stem().string(), options, problems);
  config.config_path = file.string();
  return config;
}

RunConfig run_config_from(Value tree, const std::string& config_name, const LoadOptions& options) {
  Problems problems;
  apply_all(tree, parse_overrides(options.overrides), problems);
  return finish(std::move(tree), config_name, options, problems);
}

std::vector<FieldInfo> describe_fields() {
  std::vector<FieldInfo> out;
  describe(run_schema(), "", out);
  return out;
}

std::vector<std::string> differing_keys(const Value& saved, const Value& now) {
  std::vector<std::string> out;
  differences(&saved, &now, "", out);
  return out;
}

}  // namespace loongforge::config
