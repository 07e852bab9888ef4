// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/compose.h"

#include <fmt/format.h>

#include <algorithm>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::config {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const Place& place, const std::string& what, std::string hint = {}) {
  throw ConfigError(fmt::format("{}: {}", place.text(), what), std::move(hint));
}

/// One parsed entry of a defaults list.
struct Default {
  enum class Kind { self, file, group, override_group };
  Kind kind = Kind::file;
  bool optional = false;
  std::string group;                  // from the top: "model", "model/vision"
  std::string package;                // dotted key where it goes, "" for the root
  std::vector<std::string> names;     // empty: nothing chosen (null)
  Place place;
  std::string id() const {
    std::string usual = group;
    std::replace(usual.begin(), usual.end(), '/', '.');
    return usual == package ? group : group + "@" + (package.empty() ? "_global_" : package);
  }
};

std::string joined(std::string_view a, std::string_view b, char by) {
  return a.empty() || b.empty() ? std::string(a) + std::string(b) : fmt::format("{}{}{}", a, by, b);
}

std::vector<std::string> names_of(const Value& value) {
  if (value.is_null()) return {};
  std::vector<std::string> names;
  for (const Value& item : value.is(Value::Kind::list) ? value.list() : Value::List{value}) {
    if (item.is(Value::Kind::list) || item.is_map() || item.spelling.empty()) {
      fail(item.place, "a name of a configuration is needed here");
    }
    names.push_back(item.spelling);
  }
  return names;
}

/// `group` and `package`: those of the file that holds the list; names in it are relative to them.
Default parse_default(const Value& item, const std::string& group, const std::string& package) {
  Default out;
  out.place = item.place;
  if (item.is(Value::Kind::string)) {
    out.kind = item.as_string() == "_self_" ? Default::Kind::self : Default::Kind::file;
    out.group = group, out.package = package, out.names = {item.as_string()};
    return out;
  }
  if (!item.is_map() || item.map().size() != 1) {
    fail(item.place, "an entry of a defaults list is `group: name`, `group@key: name`, a file's name or _self_");
  }
  const Entry& entry = item.map().front();
  std::string_view key = entry.key;
  out.kind = Default::Kind::group;
  for (bool more = true; more;) {
    more = false;
    if (key.starts_with("optional ")) out.optional = more = true;
    if (key.starts_with("override ")) out.kind = Default::Kind::override_group, more = true;
    if (more) key = trim(key.substr(9));
  }
  size_t at = key.find('@');
  std::string_view name = key.substr(0, at);
  const bool from_top = name.starts_with('/');
  if (from_top) name.remove_prefix(1);
  out.group = from_top ? std::string(name) : joined(group, name, '/');
  std::string dotted(name);
  std::replace(dotted.begin(), dotted.end(), '/', '.');
  std::string_view destination = at == key.npos ? dotted : key.substr(at + 1);
  if (destination == "_global_") out.package = "";
  else if (destination == "_here_") out.package = package;
  else out.package = from_top && at == key.npos ? dotted : joined(package, destination, '.');
  out.names = names_of(entry.value);
  out.place = entry.place;
  return out;
}

class Composer {
 public:
  Composer(const SearchPath& search, Choices choices) : search_(search), choices_(std::move(choices)) {}

  Value compose(const fs::path& file, const std::string& group, const std::string& package) {
    std::string key = file.lexically_normal().string();
    if (std::find(open_.begin(), open_.end(), key) != open_.end()) {
      throw ConfigError(fmt::format("{}: this file composes itself ({})", key, fmt::join(open_, " → ")));
    }
    open_.push_back(key);
    Value own = read_yaml(key);
    if (own.is_null()) own = Value::empty_map();
    if (!own.is_map()) fail(own.place, fmt::format("a configuration is a map of keys, not {}", own.kind_name()));
    std::vector<Default> defaults = defaults_of(own, group, package);
    Value result = Value::empty_map();
    for (Default& entry : defaults) {
      if (entry.kind == Default::Kind::self) put(result, package, own);
      if (entry.kind == Default::Kind::file || entry.kind == Default::Kind::group) add(result, entry);
    }
    open_.pop_back();
    return result;
  }

  /// Choices that no list had: added at the end when asked or harmless, else an error.
  void add_unlisted(Value& result) {
    for (auto& [id, choice] : choices_) {
      if (choice.used) continue;
      size_t at = id.find('@');
      if (!choice.name) fail(choice.place, fmt::format("no defaults list has the group {}", id));
      if (!choice.add) fail(choice.place, fmt::format("`override {}`: no defaults list has this group", id));
      Default entry;
      entry.kind = Default::Kind::group;
      entry.group = id.substr(0, at);
      entry.package = at == id.npos ? entry.group : id.substr(at + 1);
      if (entry.package == "_global_") entry.package = "";
      std::replace(entry.package.begin(), entry.package.end(), '/', '.');
      entry.names = {*choice.name};
      entry.place = choice.place;
      Value composed = Value::empty_map();
      add(composed, entry);
      replace_keys(result, std::move(composed), entry.package);
    }
  }

 private:
  /// The list with `_self_` in its place; `override` entries become choices before anything is composed.
  std::vector<Default> defaults_of(Value& own, const std::string& group, const std::string& package) {
    std::vector<Default> defaults;
    if (const Value* listed = own.find("defaults")) {
      if (!listed->is(Value::Kind::list)) fail(listed->place, "defaults must be a list");
      for (const Value& item : listed->list()) defaults.push_back(parse_default(item, group, package));
      own.erase("defaults");
    }
    for (const Default& entry : defaults) {
      if (entry.kind != Default::Kind::override_group || choices_.contains(entry.id())) continue;
      std::optional<std::string> name;
      if (!entry.names.empty()) name = entry.names.front();
      choices_[entry.id()] = {name, entry.place, false, false};
    }
    auto is_self = [](const Default& entry) { return entry.kind == Default::Kind::self; };
    if (std::none_of(defaults.begin(), defaults.end(), is_self)) defaults.push_back({.kind = Default::Kind::self});
    return defaults;
  }

  void add(Value& result, Default& entry) {
    if (entry.kind == Default::Kind::group) {
      if (auto choice = choices_.find(entry.id()); choice != choices_.end()) {
        choice->second.used = true;
        entry.names.clear();
        entry.place = choice->second.place;
        if (choice->second.name) entry.names = {*choice->second.name};
      }
    }
    for (const std::string& name : entry.names) {
      if (name == "???")
        fail(entry.place, fmt::format("{0} must be chosen: {0}={1}", entry.id(), "<name>"), known(entry));
      // A name may lead into a folder ("/base/run": from the top).
      std::string full = name.starts_with('/') ? name.substr(1) : joined(entry.group, name, '/');
      auto file = search_.find(full);
      if (!file && entry.optional) continue;
      if (!file) unknown(entry, name);
      std::string group = fs::path(full).parent_path().string();
      merge_into(result, compose(*file, entry.kind == Default::Kind::file ? group : entry.group, entry.package));
    }
  }

  std::string known(const Default& entry) const {
    std::vector<std::string> names = search_.names(entry.group);
    if (names.empty()) return fmt::format("there are none in {}/ of any configuration folder", entry.group);
    return fmt::format("there are: {}", join_names(names, 60));
  }

  [[noreturn]] void unknown(const Default& entry, const std::string& name) const {
    auto near = nearest(name, search_.names(entry.group));
    std::string what = fmt::format("there is no {}{} named {}", entry.group.empty() ? "" : entry.group + " ",
                                   "configuration", name);
    fail(entry.place, near ? fmt::format("{}; did you mean {}?", what, *near) : what, known(entry));
  }

  /// What was named on the command line wins over a file that never listed the group, and replaces its keys whole:
  /// merging a second model into a first would make neither.
  static void replace_keys(Value& result, Value chosen, const std::string& package) {
    Value* from = &chosen;
    Value* to = &result;
    for (std::string_view key : split(package, '.')) {
      if (package.empty()) break;
      from = from->find(key);
      if (!from) return;
      Value* below = to->find(key);
      to = below && below->is_map() ? below : &to->set(key, Value::empty_map());
    }
    if (!from->is_map()) return;
    for (Entry& entry : from->map()) to->set(entry.key, std::move(entry.value));
  }

  static void put(Value& result, const std::string& package, const Value& own) {
    Value wrapped = own;
    std::vector<std::string_view> keys = split(package, '.');
    for (auto key = keys.rbegin(); key != keys.rend() && !package.empty(); ++key) {
      Value outer = Value::empty_map();
      outer.place = own.place;
      outer.map().push_back({std::string(*key), own.place, std::move(wrapped)});
      wrapped = std::move(outer);
    }
    if (package.empty()) drop_empty_sections(wrapped);
    merge_into(result, std::move(wrapped));
  }

  // `model:` with nothing under it says nothing; it must not wipe what was composed.
  static void drop_empty_sections(Value& root) {
    std::erase_if(root.map(), [](const Entry& entry) { return entry.value.is_null() && entry.value.spelling.empty(); });
  }

  const SearchPath& search_;
  Choices choices_;
  std::vector<std::string> open_;
};

}  // namespace

Choices take_choices(std::vector<Override>& overrides, const SearchPath& search) {
  Choices choices;
  std::erase_if(overrides, [&](const Override& o) {
    std::string group = o.key.substr(0, o.key.find('@'));
    const bool remove = o.op == Override::Op::remove;
    const bool scalar = !o.value.is_map() && !o.value.is(Value::Kind::list);
    if (o.key.find_first_of(".[") < o.key.find('@') || !scalar || !search.has_group(group)) return false;
    if (remove && o.value.is_null()) {
      choices[o.key] = {std::nullopt, o.place, true, false};
    } else if (!o.value.is_null()) {
      choices[o.key] = {o.value.is(Value::Kind::string) ? o.value.as_string() : o.value.spelling, o.place, true, false};
    } else {
      choices[o.key] = {std::nullopt, o.place, true, false};
    }
    return true;
  });
  return choices;
}

Value compose(const fs::path& file, const SearchPath& search, Choices choices) {
  Composer composer(search, std::move(choices));
  Value root = composer.compose(file, "", "");
  composer.add_unlisted(root);
  return root;
}

}  // namespace loongforge::config
