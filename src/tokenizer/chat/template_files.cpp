// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/chat/template_files.h"

#include <algorithm>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::tokenizer {
namespace {

namespace fs = std::filesystem;

// Of "chat_template": text, or a list of {"name", "template"}.
void add_templates(const Json& value, const std::string& origin, std::vector<NamedSource>& templates) {
  const char* hint = "\"chat_template\" is text, or a list of objects with \"name\" and \"template\"";
  if (value.is_string()) {
    templates.push_back({"default", value.get<std::string>(), origin});
    return;
  }
  if (!value.is_array()) throw ConfigError(fmt::format("{}: \"chat_template\" is not text", origin), hint);
  for (const Json& entry : value) {
    bool valid = entry.is_object() && entry.contains("name") && entry.contains("template") &&
                 entry["name"].is_string() && entry["template"].is_string();
    if (!valid)
      throw ConfigError(fmt::format("{}: an entry of \"chat_template\" has no name or template", origin), hint);
    auto name = entry["name"].get<std::string>();
    templates.push_back({name, entry["template"].get<std::string>(), fmt::format("{} [{}]", origin, name)});
  }
}

void add_from_json(const Json& json, const fs::path& path, std::vector<NamedSource>& templates) {
  if (json.is_object() && json.contains("chat_template") && !json["chat_template"].is_null())
    add_templates(json["chat_template"], path.string(), templates);
}

void add_jinja_files(const fs::path& folder, std::vector<NamedSource>& templates) {
  if (fs::path file = folder / "chat_template.jinja"; fs::exists(file))
    templates.push_back({"default", read_file(file), file.string()});
  fs::path more = folder / "additional_chat_templates";
  if (!fs::is_directory(more)) return;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(more))
    if (entry.path().extension() == ".jinja") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) templates.push_back({file.stem().string(), read_file(file), file.string()});
}

// "…_token" entries: text, or objects with "content". Those that are there already stay.
void add_special_tokens(const Json& json, Json& tokens) {
  if (!json.is_object()) return;
  for (const auto& [key, value] : json.items()) {
    if (!key.ends_with("_token") || tokens.contains(key)) continue;
    if (value.is_string()) tokens[key] = value;
    if (value.is_object() && value.contains("content") && value["content"].is_string()) tokens[key] = value["content"];
  }
}

}  // namespace

TemplateFiles read_template_files(const fs::path& folder) {
  TemplateFiles files;
  files.special_tokens = Json::object();
  Json config = Json::object();
  fs::path config_path = folder / "tokenizer_config.json", map_path = folder / "special_tokens_map.json";
  if (fs::exists(config_path)) config = read_json(config_path);
  add_special_tokens(config, files.special_tokens);
  if (fs::exists(map_path)) add_special_tokens(read_json(map_path), files.special_tokens);
  add_jinja_files(folder, files.templates);
  if (fs::path path = folder / "chat_template.json"; files.templates.empty() && fs::exists(path))
    add_from_json(read_json(path), path, files.templates);
  if (files.templates.empty()) add_from_json(config, config_path, files.templates);
  return files;
}

const NamedSource* find_template(const TemplateFiles& files, std::string_view name) {
  auto found = std::find_if(files.templates.begin(), files.templates.end(),
                            [&](const NamedSource& source) { return source.name == name; });
  return found == files.templates.end() ? nullptr : &*found;
}

const NamedSource& choose_template(const TemplateFiles& files, const fs::path& folder, std::string_view name) {
  if (files.templates.empty())
    throw ConfigError(fmt::format("{}: no chat template", folder.string()),
                      "add chat_template.jinja to the folder, or use an instruction-tuned model's tokenizer");
  if (const NamedSource* found = find_template(files, name.empty() ? "default" : name)) return *found;
  std::vector<std::string> names;
  for (const NamedSource& source : files.templates) names.push_back(source.name);
  throw ConfigError(name.empty() ? fmt::format("{}: several chat templates and none is the default", folder.string())
                                 : fmt::format("{}: no chat template '{}'", folder.string(), name),
                    fmt::format("name one of: {}", join_names(names)));
}

}  // namespace loongforge::tokenizer
