// SPDX-License-Identifier: Apache-2.0
#include "cli.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::tools {

namespace {

constexpr size_t kWidth = 100, kIndent = 28;
constexpr const char* kExitCodes =
    "exit codes: 0 done, 2 usage or configuration, 3 data, 4 checkpoint, 5 communication or a lost peer,\n"
    "            6 numerics, 7 resource, 128+n ended by signal n";

/// `text` in lines that fit, from column `column` on; the first line stands there already.
std::string wrapped(const std::string& text, size_t column) {
  std::string out;
  size_t at = column;
  for (std::string_view word : split(text, ' ')) {
    if (at != column && at + 1 + word.size() > kWidth) {
      out += "\n" + std::string(column, ' ');
      at = column;
    } else if (at != column) {
      out += ' ';
      ++at;
    }
    out += word;
    at += word.size();
  }
  return out;
}

std::string value_text(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return "";
  std::string name = option.get_type_name();
  if (name.find(' ') != std::string::npos || name.find(':') != std::string::npos) name = "N";
  if (name == "INT" || name == "UINT" || name == "FLOAT") name = "N";
  if (option.get_items_expected_min() == 0) return fmt::format(" [{}]", name);
  return fmt::format(" {}{}", name, option.get_items_expected_max() > 1 ? "..." : "");
}

std::string about(const CLI::Option& option) {
  if (option.check_name("--help")) return "this text";
  std::string text = option.get_description();
  const std::string value = option.get_default_str();
  if (option.get_required()) text += " (required)";
  else if (!value.empty() && option.get_items_expected_max() > 0) text += fmt::format(" (default: {})", value);
  return text;
}

std::string label(const CLI::Option& option) {
  if (option.get_positional()) return usual_name(option);
  std::string name = usual_name(option);
  for (const auto& shorter : option.get_snames()) name = "-" + shorter + ", " + name;
  return name + value_text(option);
}

/// What set_usage put into the footer, which is the one text that an app carries for its help.
struct Footer {
  std::string tail, examples, notes;
};
constexpr char kMark = '\x01';

Footer footer_of(const CLI::App& app) {
  const std::string text = app.get_footer();
  if (text.empty() || text[0] != kMark) return {"", "", text};
  const size_t line = text.find('\n'), notes = text.find(kMark, 1);
  return {text.substr(1, line - 1), text.substr(line + 1, notes - line - 1), text.substr(notes + 1)};
}

std::string usage_tail(const CLI::App& app) { return footer_of(app).tail; }

std::vector<std::string> examples(const CLI::App& app) {
  std::vector<std::string> lines;
  const std::string text = footer_of(app).examples;
  for (std::string_view line : split(text, '\n')) {
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

/// "loongforge data stats"
std::string full_name(const CLI::App& app) {
  return app.get_parent() ? fmt::format("{} {}", full_name(*app.get_parent()), app.get_name()) : app.get_name();
}

std::string usage_line(const CLI::App& app) {
  std::string line = full_name(app);
  if (!app.get_subcommands({}).empty()) return line + " COMMAND [options]";
  for (const auto* option : shown_options(app)) {
    if (option->get_required() && !option->get_positional()) line += " " + label(*option);
  }
  line += " [options]";
  for (const auto* option : shown_options(app)) {
    if (option->get_positional()) line += " " + usual_name(*option);
  }
  return usage_tail(app).empty() ? line : line + " " + usage_tail(app);
}

void append_options(const CLI::App& app, std::string& out) {
  out += "\noptions:\n";
  for (const auto* option : shown_options(app)) {
    std::string head = "  " + label(*option);
    head += head.size() + 2 > kIndent ? "\n" + std::string(kIndent, ' ') : std::string(kIndent - head.size(), ' ');
    out += head + wrapped(about(*option), kIndent) + "\n";
  }
}

[[noreturn]] void unknown_options(const CLI::App& app, const std::vector<std::string>& unknown) {
  std::vector<std::string> names;
  for (const auto* option : shown_options(app)) names.push_back(usual_name(*option));
  for (const auto* command : app.get_subcommands({})) names.push_back(command->get_name());
  const std::string &text = unknown.front(), name = full_name(app);
  const auto near = nearest(text.substr(0, text.find('=')), names);
  throw ConfigError(fmt::format("{}: unknown {} `{}`", name, text.starts_with("-") ? "option" : "argument", text),
                    near ? fmt::format("did you mean {}? See {} --help", *near, name)
                         : fmt::format("it takes {}; see {} --help", join_names(names), name));
}

const CLI::App& chosen(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : chosen(*parsed.front());
}

std::string first_example(const CLI::App& app) {
  const auto lines = examples(app);
  return lines.empty() ? fmt::format("see {} --help", full_name(app)) : std::string(trim(lines.front()));
}

}  // namespace

std::string in_cell(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string spellings(const std::string& names) {
  std::string all;
  for (std::string_view name : split(names, ',')) {
    std::string other(name);
    std::replace(other.begin(), other.end(), '-', '_');
    if (!all.empty()) all += ",";
    all += name.size() == 1 ? fmt::format("-{}", name) : fmt::format("--{}", name);
    if (name.size() > 1 && other != name) all += ",--" + other;
  }
  return all;
}

void set_usage(CLI::App& app, const std::string& tail, const std::string& examples, const std::string& notes) {
  app.footer(fmt::format("{}{}\n{}{}{}", kMark, tail, examples, kMark, notes));
}

std::string usual_name(const CLI::Option& option) {
  if (!option.get_lnames().empty()) return "--" + option.get_lnames().front();
  if (!option.get_snames().empty()) return "-" + option.get_snames().front();
  return option.get_name(true);
}

std::vector<const CLI::Option*> shown_options(const CLI::App& app) {
  std::vector<const CLI::Option*> shown;
  for (const bool positional : {false, true}) {
    for (const auto* option : app.get_options()) {
      if (option->get_positional() == positional && !option->get_group().empty()) shown.push_back(option);
    }
  }
  std::stable_partition(shown.begin(), shown.end(), [](const auto* o) { return !o->check_name("--help"); });
  return shown;
}

std::string help_text(const CLI::App& app) {
  std::string out = "usage: " + usage_line(app) + "\n\n" + wrapped(app.get_description(), 0) + "\n";
  const auto commands = app.get_subcommands({});
  if (!commands.empty()) {
    out += "\ncommands:\n";
    for (const auto* command : commands) {
      out += fmt::format("  {:<12}{}\n", command->get_name(), wrapped(command->get_description(), 14));
    }
    out += fmt::format("\n`{} COMMAND --help` explains one.\n", app.get_name());
  } else {
    append_options(app, out);
  }
  const auto lines = examples(app);
  if (!lines.empty()) out += "\nexamples:\n";
  for (const auto& line : lines) out += "  " + line + "\n";
  if (const auto notes = footer_of(app).notes; !notes.empty()) out += "\n" + notes + "\n";
  return out + "\n" + kExitCodes + "\n";
}

std::string help_markdown(const CLI::App& app) {
  std::string out;
  const auto commands = app.get_subcommands({});
  if (commands.empty() || app.get_parent() == nullptr) {
    out += fmt::format("{} `{}`\n\n{}\n\n", app.get_parent() ? "###" : "##", full_name(app), app.get_description());
  }
  for (const auto* command : commands) out += help_markdown(*command);
  if (!commands.empty()) return out;
  out += "`" + usage_line(app) + "`\n\n| option | meaning |\n|---|---|\n";
  for (const auto* option : shown_options(app)) {
    out += fmt::format("| `{}` | {} |\n", label(*option), in_cell(about(*option)));
  }
  const auto lines = examples(app);
  if (!lines.empty()) out += fmt::format("\n```\n{}\n```\n", fmt::join(lines, "\n"));
  return out + "\n";
}

bool parse_or_help(CLI::App& app, const Args& args) {
  const auto below = app.get_subcommands({});
  const auto named = [&](const CLI::App* command) { return command->get_name() == args[0]; };
  if (!below.empty() && !args.empty() && !args[0].starts_with("-") && std::none_of(below.begin(), below.end(), named)) {
    unknown_options(app, {args[0]});
  }
  try {
    app.parse(Args(args.rbegin(), args.rend()));  // CLI11 takes them last first
    return false;
  } catch (const CLI::CallForHelp&) {
    std::fputs(help_text(chosen(app)).c_str(), stdout);
    return true;
  } catch (const CLI::ExtrasError&) {
    const auto extras = chosen(app).remaining();
    unknown_options(chosen(app), extras.empty() ? app.remaining(true) : extras);
  } catch (const CLI::RequiredError& failure) {
    const CLI::App& at = chosen(app);
    // A misspelt option is why the right one is missing.
    const auto extras = at.remaining();
    if (!at.get_allow_extras() && !extras.empty()) unknown_options(at, extras);
    throw ConfigError(fmt::format("{}: {}", full_name(at), failure.what()),
                      fmt::format("for example: {}", first_example(at)));
  } catch (const CLI::ParseError& failure) {
    throw ConfigError(fmt::format("{}: {}", full_name(chosen(app)), failure.what()),
                      fmt::format("see {} --help", full_name(chosen(app))));
  }
}

}  // namespace loongforge::tools
