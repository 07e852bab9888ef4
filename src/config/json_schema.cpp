// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/json_schema.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/sections.h"
#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::config {
namespace {

constexpr const char* kLaterRef = "#/definitions/later";

/// `${…}` anywhere in a text, or `???`: the value comes from elsewhere.
Json later() {
  return {
      {"type", "string"}, {"pattern", R"(\$\{.+\}|^\?\?\?$)"}, {"description", "${key}, ${env:NAME,default} or ???"}};
}

/// Entries of a defaults list: names, `_self_`, and `group: name` with its prefixes.
Json defaults_list() {
  const Json name = {{"type", {"string", "number", "array", "null"}}};
  const Json entry = {{"type", "object"}, {"minProperties", 1}, {"maxProperties", 1}, {"additionalProperties", name}};
  return {{"description", "files composed into this one, as `group: name`; _self_ says where its own keys come"},
          {"type", "array"},
          {"items", {{"anyOf", Json::array({{{"type", "string"}}, entry})}}}};
}

Json section_schema(const SectionSpec& section, bool or_null);

Json field_schema(const Field& field) {
  Json schema;
  if (field.section) {
    schema = section_schema(*field.section, true);
    schema["description"] = field.doc;
    return schema;
  }
  schema["description"] = fmt::format("{} ({})", field.doc, field.type);
  if (!field.free_form) schema["default"] = to_json(field.default_value);
  schema["anyOf"] = Json::array({field.schema, {{"$ref", kLaterRef}}});
  return schema;
}

Json section_schema(const SectionSpec& section, bool or_null) {
  Json properties = Json::object();
  for (const Field& field : section.fields()) {
    properties[field.name] = field_schema(field);
    for (const std::string& old : field.rule.old_names) {
      Json schema = field_schema(field);
      schema["description"] = fmt::format("old name of {}", field.name);
      schema["deprecated"] = true;
      properties[old] = std::move(schema);
    }
  }
  Json type = or_null ? Json({"object", "null"}) : Json("object");
  return {{"type", std::move(type)}, {"properties", std::move(properties)}, {"additionalProperties", false}};
}

const SectionSpec& section_named(const std::string& path) {
  const SectionSpec* section = &run_schema();
  for (std::string_view part : split(path, '.')) {
    const Field* field = section->find(part);
    if (!field || !field->section) {
      std::vector<std::string> names;
      for (const Field& each : section->fields()) {
        if (each.section) names.push_back(each.name);
      }
      const auto near = nearest(std::string(part), names);
      throw ConfigError(
          fmt::format("there is no section {}", path),
          fmt::format("{}sections: {}", near ? fmt::format("did you mean {}? ", *near) : "", join_names(names)));
    }
    section = field->section.get();
  }
  return *section;
}

void collect_names(const Json& schema, std::vector<std::string>& names) {
  for (const char* list : {"anyOf", "enum"}) {
    if (!schema.contains(list)) continue;
    for (const Json& item : schema[list]) {
      if (item.is_object()) collect_names(item, names);
      if (item.is_string()) names.push_back(item.get<std::string>());
    }
  }
  if (schema.contains("type") && schema["type"] == "boolean") names.insert(names.end(), {"true", "false"});
}

}  // namespace

std::vector<std::string> value_names(const std::string& path) {
  std::vector<std::string> names;
  if (const Field* field = field_at(path); field && !field->section) collect_names(field->schema, names);
  return names;
}

Json json_schema(const std::string& section) {
  const SectionSpec& spec = section.empty() ? run_schema() : section_named(section);
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                 {"title", section.empty() ? "LoongForge run" : "LoongForge " + section}};
  schema.update(section_schema(spec, false));
  schema["properties"]["defaults"] = defaults_list();
  schema["definitions"] = {{"later", later()}};
  return schema;
}

}  // namespace loongforge::config
