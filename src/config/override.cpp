// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/override.h"

#include <fmt/format.h>

#include <charconv>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::config {
namespace {

/// One step of a path: a key of a map, or an index of a list.
struct Step {
  std::string key;
  int64_t index = -1;
};

std::vector<Step> steps_of(const Override& override_) {
  std::vector<Step> steps;
  auto bad = [&] { return ConfigError(fmt::format("{}: cannot read the path {}", override_.place.text(), override_.key)); };
  for (std::string_view part : split(override_.key, '.')) {
    size_t bracket = part.find('[');
    if (part.empty() || bracket == 0) throw bad();
    steps.push_back({std::string(part.substr(0, bracket)), -1});
    while (bracket != part.npos) {
      size_t close = part.find(']', bracket);
      int64_t index = -1;
      if (close == part.npos) throw bad();
      auto [end, error] = std::from_chars(part.data() + bracket + 1, part.data() + close, index);
      if (error != std::errc{} || end != part.data() + close || index < 0) throw bad();
      steps.push_back({"", index});
      bracket = close + 1 < part.size() ? close + 1 : part.npos;
      if (bracket != part.npos && part[bracket] != '[') throw bad();
    }
  }
  return steps;
}

Value value_of(std::string_view text, const Place& place) {
  // YAML would take these first characters for aliases, tags and the like; in a shell they are patterns and names.
  constexpr std::string_view kPlain = "*&!%@`|>?";
  Value value;
  if (text == "???") {
    value = Value("???");
  } else if (text.empty() || kPlain.find(text[0]) != kPlain.npos) {
    value = Value(text);
    value.quoted = true;
  } else {
    value = parse_yaml_value(text, place);
  }
  value.place = place;
  return value;
}

Override parse_one(std::string_view text) {
  Override out;
  out.place.origin = std::make_shared<const std::string>(fmt::format("command line `{}`", text));
  std::string_view rest = text;
  for (auto [prefix, op] : {std::pair("++", Override::Op::force), std::pair("+", Override::Op::add),
                            std::pair("~", Override::Op::remove), std::pair("--", Override::Op::set)}) {
    if (!rest.starts_with(prefix)) continue;
    rest.remove_prefix(std::string_view(prefix).size());
    out.op = op;
    break;
  }
  size_t equals = rest.find('=');
  out.key = std::string(trim(rest.substr(0, equals)));
  if (out.key.empty() || (equals == rest.npos && out.op != Override::Op::remove)) {
    throw ConfigError(fmt::format("{}: an override is key=value, +key=value, ++key=value or ~key", out.place.text()));
  }
  if (equals != rest.npos) out.value = value_of(trim(rest.substr(equals + 1)), out.place);
  return out;
}

/// The nearest key of the open map that lacks `key`, as advice.
std::string advice(const Value& map, const Override& override_, const std::string& key) {
  std::string add = fmt::format("to add it, write +{}=…", override_.key);
  auto near = nearest(key, map.keys());
  return near ? fmt::format("did you mean {}? {}", *near, add) : add;
}

}  // namespace

std::vector<Override> parse_overrides(std::span<const std::string> arguments) {
  std::vector<Override> overrides;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& text = arguments[i];
    if (text.starts_with("--") && text.find('=') == text.npos) {
      if (i + 1 == arguments.size()) throw ConfigError(fmt::format("command line `{}`: the value is missing", text));
      overrides.push_back(parse_one(text + "=" + arguments[++i]));
    } else {
      overrides.push_back(parse_one(text));
    }
  }
  return overrides;
}

void apply_override(Value& root, const Override& override_, const std::function<bool(std::string_view)>& is_open,
                    Problems& problems) {
  const std::vector<Step> steps = steps_of(override_);
  const Override::Op op = override_.op;
  Value* node = &root;
  std::string path;
  for (size_t i = 0; i < steps.size(); ++i) {
    const bool last = i + 1 == steps.size();
    const Step& step = steps[i];
    if (step.index >= 0) {
      if (!node->is(Value::Kind::list) || step.index >= static_cast<int64_t>(node->list().size())) {
        size_t size = node->is(Value::Kind::list) ? node->list().size() : 0;
        return problems.add(override_.place, fmt::format("{} has no entry {} (it has {})", path, step.index, size));
      }
      if (last && op == Override::Op::remove) {
        node->list().erase(node->list().begin() + step.index);
        return;
      }
      node = &node->list()[static_cast<size_t>(step.index)];
      path += fmt::format("[{}]", step.index);
      if (last) *node = override_.value;
      continue;
    }
    if (!node->is_map()) *node = Value::empty_map();
    Value* child = node->find(step.key);
    const bool open = is_open(path);
    std::string full = path.empty() ? step.key : path + "." + step.key;
    if (!child && open && op == Override::Op::set) {
      return problems.add(override_.place, fmt::format("{} is not there; {}", full, advice(*node, override_, step.key)));
    }
    if (last && op == Override::Op::remove) {
      if (!node->erase(step.key) && open) problems.add(override_.place, fmt::format("{} is not there", full));
      return;
    }
    if (last && child && op == Override::Op::add && open) {
      return problems.add(override_.place, fmt::format("{0} is there already; to change it, write {0}=… or ++{0}=…", full));
    }
    if (last) {
      node->set(step.key, override_.value);
      for (Entry& entry : node->map()) {
        if (entry.key == step.key) entry.place = override_.place;
      }
      return;
    }
    if (!child) {
      Value made = Value::empty_map();
      made.place = override_.place;
      child = &node->set(step.key, std::move(made));
    }
    node = child;
    path = std::move(full);
  }
}

}  // namespace loongforge::config
