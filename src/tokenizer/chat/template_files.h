// SPDX-License-Identifier: Apache-2.0
// The chat templates and special tokens of a tokenizer folder.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "loongforge/core/json.h"

namespace loongforge::tokenizer {

struct NamedSource {
  std::string name, text, origin;
};
struct TemplateFiles {
  std::vector<NamedSource> templates;
  Json special_tokens;  // {"bos_token": "<s>", …}
};

/// DataError for files that can't be read, ConfigError for templates that aren't text.
TemplateFiles read_template_files(const std::filesystem::path& folder);
const NamedSource* find_template(const TemplateFiles& files, std::string_view name);
/// The template `name`, or the default one; ConfigError naming what there is.
const NamedSource& choose_template(const TemplateFiles& files, const std::filesystem::path& folder,
                                   std::string_view name);

}  // namespace loongforge::tokenizer
