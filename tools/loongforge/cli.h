// SPDX-License-Identifier: Apache-2.0
// What the command lines of all commands share: parsing with useful errors, one form of help, its Markdown.
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace loongforge::tools {

using Args = std::vector<std::string>;

/// Parses `args`. True: help was asked for and printed. Throws ConfigError with the nearest option or what is missing.
bool parse_or_help(CLI::App& app, const Args& args);

/// Usage, description, options with defaults, examples, exit codes, in at most 100 columns.
std::string help_text(const CLI::App& app);
/// The same as a section of docs/commands.md, subcommands included.
std::string help_markdown(const CLI::App& app);

/// `text` in a cell of a Markdown table.
std::string in_cell(const std::string& text);

/// What follows the options in the usage line ("[key=value ...]") and the examples, one command a line; kept in the app.
/// `notes` stand below them.
void set_usage(CLI::App& app, const std::string& tail, const std::string& examples, const std::string& notes = {});

/// An option whose hyphens may also be written as underscores, as torchrun takes both. `name`: "nproc-per-node", with
/// further names after commas ("config,config-name"). The default is shown unless it is empty.
template <class T>
CLI::Option* both(CLI::App& app, const std::string& name, T& value, const std::string& help);

/// Every spelling of a comma-separated list of long options: "--a-b,--a_b".
std::string spellings(const std::string& names);

/// The usual name of an option ("--nproc-per-node", or a positional's), without further spellings.
std::string usual_name(const CLI::Option& option);
/// Options of `app` that help shows, positionals last.
std::vector<const CLI::Option*> shown_options(const CLI::App& app);

template <class T>
CLI::Option* both(CLI::App& app, const std::string& name, T& value, const std::string& help) {
  auto* option = app.add_option(spellings(name), value, help)->capture_default_str();
  if (option->get_default_str() == "\"\"") option->default_str("");
  return option;
}

}  // namespace loongforge::tools
