// SPDX-License-Identifier: Apache-2.0
// `loongforge config …`: what can be configured, for people, editors and documents.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli.h"
#include "commands.h"
#include "config_reference.h"
#include "loongforge/config/json_schema.h"
#include "loongforge/config/search_path.h"
#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::tools {

namespace {

struct ConfigArguments {
  std::string group, section;
};

void declare(CLI::App& app, ConfigArguments& arguments) {
  app.description("Lists configurations and describes their fields.");
  auto* list = app.add_subcommand("list", "names that --config or a group takes, and the folders they are in");
  list->add_option("group", arguments.group, "a group such as model; default: whole runs");
  set_usage(*list, "", "loongforge config list\nloongforge config list model");
  auto* schema = app.add_subcommand("schema", "JSON Schema of a run's file, for editors and checks");
  schema->add_option("section", arguments.section, "of the files of one group instead, such as model");
  set_usage(*schema, "", "loongforge config schema > configs/schema.json\nloongforge config schema model");
  auto* markdown =
      app.add_subcommand("markdown", "every field as tables in Markdown, as docs/configuration.md has them");
  set_usage(*markdown, "", "loongforge config markdown");
  app.require_subcommand(1);
}

void run_list(const ConfigArguments& arguments) {
  const auto search = config::SearchPath::standard();
  const auto names = search.names(arguments.group);
  if (names.empty()) {
    std::vector<std::string> folders;
    for (const auto& folder : search.folders()) folders.push_back(folder.string());
    throw ConfigError(
        arguments.group.empty() ? "there are no configurations" : fmt::format("there is no group {}", arguments.group),
        fmt::format("looked in {}; LOONGFORGE_CONFIG_PATH adds folders", join_names(folders)));
  }
  for (const auto& name : names) {
    const auto file = search.find(arguments.group.empty() ? name : arguments.group + "/" + name);
    std::printf("%-24s %s\n", name.c_str(), file ? file->string().c_str() : "");
  }
}

}  // namespace

void declare_config(CLI::App& app) {
  static ConfigArguments arguments;
  declare(app, arguments);
}

int config_command(const Args& args) {
  ConfigArguments arguments;
  CLI::App app("", "loongforge config");
  declare(app, arguments);
  if (parse_or_help(app, args)) return 0;
  if (app.got_subcommand("list")) run_list(arguments);
  if (app.got_subcommand("schema")) std::puts(config::json_schema(arguments.section).dump(1).c_str());
  if (app.got_subcommand("markdown")) std::fputs(fields_markdown().c_str(), stdout);
  return 0;
}

}  // namespace loongforge::tools
