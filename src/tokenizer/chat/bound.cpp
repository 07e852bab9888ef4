// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tokenizer/chat/runtime.h"

namespace loongforge::tokenizer::jinja {

Bound::Bound(const Args& args, std::string_view function, std::initializer_list<std::string_view> names,
             size_t required)
    : function_(function), values_(names.size()) {
  if (args.positional.size() > names.size())
    fail("{} takes at most {} arguments, not {}", function, names.size(), args.positional.size());
  for (size_t i = 0; i < args.positional.size(); ++i) values_[i] = args.positional[i];
  for (const auto& [name, value] : args.named) {
    auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) fail("{} has no argument '{}'", function, name);
    auto& slot = values_[static_cast<size_t>(found - names.begin())];
    if (slot) fail("{} got its argument '{}' twice", function, name);
    slot = value;
  }
  for (size_t i = 0; i < required; ++i)
    if (!values_[i]) fail("{} needs its argument '{}'", function, names.begin()[i]);
}

int64_t Bound::integer(size_t index, int64_t otherwise) const {
  if (!values_[index]) return otherwise;
  const Value& value = *values_[index];
  if (!value.is_integral()) fail("{} needs an integer, not {}", function_, type_name(value));
  return value.as_integer();
}

bool Bound::flag(size_t index, bool otherwise) const { return values_[index] ? truthy(*values_[index]) : otherwise; }

std::string_view Bound::text(size_t index, std::string_view otherwise) const {
  if (!is_given(index)) return otherwise;
  const Value& value = *values_[index];
  if (!value.is_text()) fail("{} needs a string, not {}", function_, type_name(value));
  return value.text();
}

}  // namespace loongforge::tokenizer::jinja
