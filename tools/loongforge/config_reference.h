// SPDX-License-Identifier: Apache-2.0
// The configuration's fields for people, made of their declarations.
#pragma once
#include <string>

namespace loongforge::tools {

/// Fields with types, defaults and meaning; of one section ("optim", "model.lora") or all (""). Throws ConfigError for
/// an unknown section.
std::string fields_text(const std::string& section);
/// The tables of docs/configuration.md.
std::string fields_markdown();

}  // namespace loongforge::tools
