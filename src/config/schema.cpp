// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/schema.h"

#include <fmt/format.h>

#include <algorithm>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::config {

const Field* SectionSpec::find(std::string_view name) const {
  auto found = std::find_if(fields_.begin(), fields_.end(), [&](const Field& f) { return f.name == name; });
  return found == fields_.end() ? nullptr : &*found;
}

std::vector<std::string> SectionSpec::names() const {
  std::vector<std::string> names;
  for (const Field& field : fields_) names.push_back(field.name);
  return names;
}

void SectionSpec::add(Field field) {
  LF_ASSERT(!find(field.name), "{} is declared twice", field.name);
  fields_.push_back(std::move(field));
}

void SectionSpec::report_unknown(const Entry& entry, const std::string& path, Reading& reading) const {
  std::string full = path.empty() ? entry.key : path + "." + entry.key;
  std::string text = fmt::format("unknown key {}", full);
  std::string elsewhere = reading.foreign ? reading.foreign(full) : "";
  auto near = nearest(entry.key, names());
  if (!elsewhere.empty()) {
    text += "; " + elsewhere;
  } else if (near) {
    text += fmt::format("; did you mean {}?", path.empty() ? *near : path + "." + *near);
  }
  // With an answer at hand the whole list would only hide it.
  if (elsewhere.empty() && !near)
    text += fmt::format("; valid{}: {}", path.empty() ? "" : " in " + path, join_names(names(), 40));
  reading.problems.add(entry.place, std::move(text));
}

Value SectionSpec::read(void* object, const Value& value, const std::string& path, Reading& reading) const {
  Value completed = Value::empty_map();
  completed.place = value.place;
  if (!value.is_map() && !value.is_null()) {
    reading.problems.add(
        value.place, fmt::format("{} {}", path, wrong_type("a section with keys " + join_names(names(), 8), value)));
    return completed;
  }
  const Value empty = Value::empty_map();
  const Value& given = value.is_map() ? value : empty;
  for (const Field& field : fields_) {
    const std::string full = path.empty() ? field.name : path + "." + field.name;
    const Value* found = given.find(field.name);
    for (const std::string& old : field.rule.old_names) {
      const Value* by_old = given.find(old);
      if (!by_old || found) continue;
      found = by_old;
      reading.warnings.push_back(fmt::format("{}: {} is called {} now", found->place.text(), old, full));
    }
    if (!found && field.rule.required)
      reading.problems.add(value.place, fmt::format("{} must be set ({})", full, field.type));
    bool reads = found || (field.section && !field.type.ends_with("null"));
    Value result = reads ? field.read(object, found ? *found : Value(), full, reading) : field.default_value;
    completed.map().push_back({field.name, found ? found->place : Place{}, std::move(result)});
  }
  for (const Entry& entry : given.map()) {
    bool old = std::any_of(fields_.begin(), fields_.end(), [&](const Field& f) {
      return std::find(f.rule.old_names.begin(), f.rule.old_names.end(), entry.key) != f.rule.old_names.end();
    });
    if (!find(entry.key) && !old) report_unknown(entry, path, reading);
  }
  return completed;
}

}  // namespace loongforge::config
