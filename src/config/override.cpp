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
  auto bad = [&] {
    return ConfigError(fmt::format("{}: cannot read the path {}", override_.place.text(), override_.key));
  };
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

/// What one override does on its way through the tree.
class Applier {
 public:
  Applier(const Override& override_, const std::function<bool(std::string_view)>& is_open, Problems& problems)
      : override_(override_), is_open_(is_open), problems_(problems) {}

  void apply(Value& root) {
    const std::vector<Step> steps = steps_of(override_);
    Value* node = &root;
    for (size_t i = 0; node && i < steps.size(); ++i) {
      const bool last = i + 1 == steps.size();
      node = steps[i].index >= 0 ? into_list(*node, static_cast<size_t>(steps[i].index), last)
                                 : into_map(*node, steps[i].key, last);
    }
  }

 private:
  using Op = Override::Op;

  void report(std::string text) { problems_.add(override_.place, std::move(text)); }

  // Both return the next node, or nullptr when done or failed.
  Value* into_list(Value& node, size_t index, bool last) {
    const size_t size = node.is(Value::Kind::list) ? node.list().size() : 0;
    if (index >= size) {
      report(fmt::format("{} has no entry {} (it has {})", path_, index, size));
      return nullptr;
    }
    path_ += fmt::format("[{}]", index);
    if (!last) return &node.list()[index];
    if (override_.op == Op::remove) node.list().erase(node.list().begin() + static_cast<std::ptrdiff_t>(index));
    else node.list()[index] = override_.value;
    return nullptr;
  }

  Value* into_map(Value& node, const std::string& key, bool last) {
    if (!node.is_map()) node = Value::empty_map();
    Value* child = node.find(key);
    const bool open = is_open_(path_);
    path_ += (path_.empty() ? "" : ".") + key;
    if (!child && open && override_.op == Op::set) {
      report(fmt::format("{} is not there; {}", path_, advice(node, override_, key)));
      return nullptr;
    }
    if (last) {
      finish(node, child, key, open);
      return nullptr;
    }
    if (child) return child;
    Value made = Value::empty_map();
    made.place = override_.place;
    return &node.set(key, std::move(made));
  }

  void finish(Value& node, const Value* child, const std::string& key, bool open) {
    if (override_.op == Op::remove) {
      if (!node.erase(key) && open) report(fmt::format("{} is not there", path_));
      return;
    }
    if (child && open && override_.op == Op::add) {
      return report(fmt::format("{0} is there already; to change it, write {0}=… or ++{0}=…", path_));
    }
    node.set(key, override_.value);
    for (Entry& entry : node.map()) {
      if (entry.key == key) entry.place = override_.place;
    }
  }

  const Override& override_;
  const std::function<bool(std::string_view)>& is_open_;
  Problems& problems_;
  std::string path_;
};

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
  Applier(override_, is_open, problems).apply(root);
}

}  // namespace loongforge::config
