// SPDX-License-Identifier: Apache-2.0
// `loongforge completion bash|zsh` prints a small script; the script asks `completion candidates` for what may come
// next, so that the shells know every command, option, configuration, key and value without a second list of them.
#include <algorithm>
#include <cstdio>

#include "cli.h"
#include "commands.h"
#include "loongforge/config/run_config.h"
#include "loongforge/config/search_path.h"
#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::tools {

namespace {

constexpr const char* kBash = R"sh(# bash completion of loongforge; to use it: eval "$(loongforge completion bash)"
_loongforge() {
  local line=${COMP_LINE:0:COMP_POINT} words candidates current prefix=
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=${words[${#words[@]} - 1]}
  candidates=$("${words[0]}" completion candidates -- "${words[@]:1}" 2>/dev/null) || return
  # bash counts what follows `=` as a word of its own.
  [[ $COMP_WORDBREAKS == *=* && $current == *=* ]] && prefix=${current%=*}=
  COMPREPLY=()
  local candidate
  while IFS= read -r candidate; do
    [[ -n $candidate ]] && COMPREPLY+=("${candidate#"$prefix"}")
  done <<<"$candidates"
  [[ ${#COMPREPLY[@]} -gt 0 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -o default -F _loongforge loongforge)sh";

constexpr const char* kZsh = R"sh(#compdef loongforge
# zsh completion of loongforge; to use it: eval "$(loongforge completion zsh)" after compinit
_loongforge() {
  local -a candidates open closed
  candidates=(${(f)"$(${words[1]} completion candidates -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
  open=(${(M)candidates:#*=})
  closed=(${candidates:#*=})
  (( ${#candidates} )) || { _files; return }
  (( ${#open} )) && compadd -Q -S '' -- $open
  (( ${#closed} )) && compadd -Q -- $closed
}
compdef _loongforge loongforge)sh";

struct CompletionArguments {
  std::string shell;
};

void declare(CLI::App& app, CompletionArguments& arguments) {
  app.description(
      "Prints what makes the shell complete commands, options, names of configurations, keys and their values; load it "
      "with "
      "eval.");
  app.add_option("shell", arguments.shell, "bash or zsh")->required();
  set_usage(app, "", "eval \"$(loongforge completion bash)\"\neval \"$(loongforge completion zsh)\"");
}

using Names = std::vector<std::string>;

Names sections() {
  Names names;
  for (const auto& field : config::describe_fields()) {
    if (field.type.starts_with("section")) names.push_back(field.path);
  }
  return names;
}

/// Groups with choices that a run can swap: folders beside the configurations.
Names groups(const config::SearchPath& search) {
  Names names;
  for (const auto& section : sections()) {
    if (search.has_group(section)) names.push_back(section);
  }
  return names;
}

/// Keys with `=` behind them, or with `key=` present the values it takes; `mark` is ~, + or ++ before the key.
Names overrides(std::string_view word) {
  std::string mark;
  while (!word.empty() && (word[0] == '+' || word[0] == '~')) {
    mark += word[0];
    word.remove_prefix(1);
  }
  const auto search = config::SearchPath::standard();
  const std::string key(word.substr(0, word.find('=')));
  Names names;
  if (word.find('=') != std::string_view::npos) {
    for (const auto& value : search.has_group(key) ? search.names(key) : config::value_names(key)) {
      names.push_back(mark + key + "=" + value);
    }
    return names;
  }
  const char* end = mark == "~" ? "" : "=";
  for (const auto& group : groups(search)) names.push_back(mark + group + end);
  for (const auto& field : config::describe_fields()) {
    if (!field.type.starts_with("section")) names.push_back(mark + field.path + end);
  }
  return names;
}

/// What may follow an option, by its usual name.
Names values_of(const std::string& option) {
  if (option == "--config") return config::SearchPath::standard().names("");
  if (option == "--nproc-per-node") return {"auto", "cpu", "gpu"};
  if (option == "--rdzv-backend") return {"static", "c10d"};
  if (option == "--tee") return {"0", "1", "2", "3"};
  if (option == "--cfg") return {"job"};
  if (option == "--help-config") return sections();
  if (option == "--dtype") return {"float32", "bfloat16", "float16", "float64"};
  if (option == "--device") return config::value_names("platform.device");
  if (option == "--bad-records") return {"fail", "skip"};
  return {};
}

const CLI::Option* option_named(const CLI::App& app, const std::string& word) {
  for (const auto* option : shown_options(app)) {
    if (!option->get_positional() && option->check_name(word)) return option;
  }
  return nullptr;
}

Names arguments_of(const std::string& command) {
  if (command == "config list") return groups(config::SearchPath::standard());
  if (command == "config schema") return sections();
  if (command == "completion") return {"bash", "zsh"};
  return {};
}

Names candidates(const Names& words) {
  const std::string& current = words.back();
  Names names;
  if (words.size() == 1) {
    for (const auto& command : commands()) names.emplace_back(command.name);
    names.insert(names.end(), {"help", "--help", "--version"});
    return names;
  }
  std::string path = words[0];
  const auto command =
      std::find_if(commands().begin(), commands().end(), [&](const auto& c) { return c.name == path; });
  if (command == commands().end()) return path == "help" ? candidates({current}) : names;
  const auto declared_app = declared(*command);
  const CLI::App* app = declared_app.get();
  for (const auto* below : app->get_subcommands({})) {
    names.push_back(below->get_name());
    if (words.size() > 2 && below->get_name() == words[1]) app = below, path += " " + words[1];
  }
  if (app == declared_app.get() && !names.empty()) return names;
  const auto* before = option_named(*app, words[words.size() - 2]);
  if (before && before->get_items_expected_max() > 0) {
    Names values = values_of(usual_name(*before));
    if (before->get_items_expected_min() > 0 || !values.empty()) return values;
  }
  if (current.starts_with("-")) {
    names.clear();
    for (const auto* option : shown_options(*app)) {
      if (!option->get_positional()) names.push_back(usual_name(*option));
    }
    return names;
  }
  return path == "train" || path == "verify" ? overrides(current) : arguments_of(path);
}

void print_candidates(const Names& words) {
  if (words.empty()) return;
  for (const auto& name : candidates(words)) {
    if (name.starts_with(words.back())) std::puts(name.c_str());
  }
}

}  // namespace

void declare_completion(CLI::App& app) {
  static CompletionArguments arguments;
  declare(app, arguments);
}

int completion_command(const Args& args) {
  // What the shells ask holds options of other commands: not for a parser.
  if (args.size() > 1 && args[0] == "candidates" && args[1] == "--")
    return print_candidates(Names(args.begin() + 2, args.end())), 0;
  CompletionArguments arguments;
  CLI::App app("", "loongforge completion");
  declare(app, arguments);
  if (parse_or_help(app, args)) return 0;
  if (arguments.shell == "bash") return std::puts(kBash), 0;
  if (arguments.shell == "zsh") return std::puts(kZsh), 0;
  throw ConfigError(fmt::format("completion: `{}` is neither bash nor zsh", arguments.shell),
                    "loongforge completion bash");
}

}  // namespace loongforge::tools
