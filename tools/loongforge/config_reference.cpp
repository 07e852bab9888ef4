// SPDX-License-Identifier: Apache-2.0
#include "config_reference.h"

#include <fmt/format.h>

#include <vector>

#include "cli.h"
#include "loongforge/config/run_config.h"
#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::tools {

namespace {

bool is_section(const config::FieldInfo& field) { return field.type.starts_with("section"); }

bool inside(const std::string& path, const std::string& section) {
  return section.empty() || path == section || path.starts_with(section + ".");
}

}  // namespace

std::string fields_text(const std::string& section) {
  std::string out;
  std::vector<std::string> names;
  for (const auto& field : config::describe_fields()) {
    if (is_section(field) || field.path == section) names.push_back(field.path);
    if (!inside(field.path, section)) continue;
    if (is_section(field)) {
      out += fmt::format("{}{}: {}{}\n", out.empty() ? "" : "\n", field.path, field.doc,
                         field.type.ends_with("null") ? " (absent: none)" : "");
    } else {
      out += fmt::format("  {:<32} {:<24} {}\n      {}\n", field.path, field.default_value, field.type, field.doc);
    }
  }
  if (!out.empty()) return "key, default, type, meaning\n\n" + out;
  const auto near = nearest(section, names);
  throw ConfigError(
      fmt::format("--help-config: there is no section {}", section),
      fmt::format("{}sections: {}", near ? fmt::format("did you mean {}? ", *near) : "", join_names(names)));
}

std::string fields_markdown() {
  constexpr const char* kHead = "\n| key | type | default | meaning |\n|---|---|---|---|\n";
  std::string out;
  bool open = false;
  for (const auto& field : config::describe_fields()) {
    if (is_section(field)) {
      out += fmt::format("{}### {}\n\n{}{}.\n{}", out.empty() ? "" : "\n", field.path, field.doc,
                         field.type.ends_with("null") ? " (absent: none)" : "", kHead);
      open = true;
      continue;
    }
    const bool top = field.path.find('.') == std::string::npos;
    if (!open || top) {
      out += fmt::format("{}### {}\n{}", out.empty() ? "" : "\n", field.path, kHead);
      open = true;
    }
    out += fmt::format("| `{}` | {} | `{}` | {} |\n", field.path, in_cell(field.type), in_cell(field.default_value),
                       in_cell(field.doc));
  }
  return out;
}

}  // namespace loongforge::tools
