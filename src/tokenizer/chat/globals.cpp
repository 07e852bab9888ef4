// SPDX-License-Identifier: Apache-2.0
// The functions that every template may call.
#include <array>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/print.h"

namespace loongforge::tokenizer::jinja {
namespace {

constexpr int64_t kMaxRange = 100'000;  // Jinja's sandbox refuses longer ones

Value range(Interpreter& interpreter, const Value&, Args& args) {
  Bound bound(args, "range", {"start", "stop", "step"}, 1);
  if (!args.named.empty()) fail("range has no named arguments");
  int64_t start = bound.has(1) ? bound.integer(0, 0) : 0;
  int64_t stop = bound.has(1) ? bound.integer(1, 0) : bound.integer(0, 0);
  int64_t step = bound.integer(2, 1);
  if (step == 0) fail("the step of a range can't be zero");
  std::vector<Value> items;
  for (int64_t at = start; step > 0 ? at < stop : at > stop;) {
    items.push_back(Value::integer(at));
    if (static_cast<int64_t>(items.size()) > kMaxRange) fail("a range of more than {} numbers", kMaxRange);
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  return interpreter.heap().range(std::move(items));
}

// dict(mapping or pairs, name=value, …) as entries.
std::vector<std::pair<Value, Value>> dict_entries(Interpreter& interpreter, const Args& args) {
  if (args.positional.size() > 1) fail("dict takes one mapping and names, not {} values", args.positional.size());
  std::vector<std::pair<Value, Value>> entries;
  if (!args.positional.empty()) {
    const Value& given = args.positional[0];
    if (given.is(Kind::dict)) {
      entries = given.object<Dict>().entries;
    } else {
      for (const Value& pair : interpreter.iterate(given)) {
        auto parts = interpreter.iterate(pair);
        if (parts.size() != 2) fail("a dictionary is made of pairs");
        entries.emplace_back(parts[0], parts[1]);
      }
    }
  }
  for (const auto& [name, value] : args.named) entries.emplace_back(interpreter.heap().text(name), value);
  return entries;
}

Value dict(Interpreter& interpreter, const Value&, Args& args) {
  auto result = std::make_shared<Dict>();
  for (auto& [key, value] : dict_entries(interpreter, args)) result->set(key, std::move(value));
  return interpreter.heap().dict(std::move(result));
}

Value make_namespace(Interpreter& interpreter, const Value&, Args& args) {
  std::vector<std::pair<std::string, Value>> attributes;
  for (auto& [key, value] : dict_entries(interpreter, args)) {
    if (key.is_text()) attributes.emplace_back(key.text(), std::move(value));
  }
  return interpreter.make_namespace(std::move(attributes));
}

Value raise_exception(Interpreter& interpreter, const Value&, Args& args) {
  Bound bound(args, "raise_exception", {"message"}, 1);
  fail("the template refuses the conversation: {}", to_text(bound[0], interpreter.heap()));
}

Value strftime_now(Interpreter& interpreter, const Value&, Args& args) {
  Bound bound(args, "strftime_now", {"format"}, 1);
  std::string format(bound.text(0, ""));
  if (format.empty()) return interpreter.heap().text("");
  std::tm now = interpreter.now();
  std::string text(256, '\0');
  // An empty result is told from a too small buffer by the space that is appended to the format.
  format += ' ';
  while (text.size() < (size_t{1} << 16)) {
    size_t size = std::strftime(text.data(), text.size(), format.c_str(), &now);
    if (size > 0) return interpreter.heap().text(text.substr(0, size - 1));
    text.resize(text.size() * 4);
  }
  fail("strftime_now gives more than 64 KiB");
}

// joiner(", ") gives nothing at its first call, then its separator.
Value joiner_call(Interpreter& interpreter, const Value& self, Args&) {
  auto& space = self.object<Namespace>();
  if (truthy(space.attributes[1].second)) return space.attributes[0].second;
  space.attributes[1].second = Value::boolean(true);
  return interpreter.heap().text("");
}

Value joiner(Interpreter& interpreter, const Value&, Args& args) {
  Bound bound(args, "joiner", {"sep"}, 0);
  Value separator = bound.has(0) ? bound[0] : interpreter.heap().text(", ");
  auto function = std::make_shared<Function>();
  function->name = "joiner";
  function->self = interpreter.make_namespace({{"sep", separator}, {"used", Value::boolean(false)}});
  function->body = joiner_call;
  return Value(Kind::function, std::move(function));
}

}  // namespace

std::span<const std::pair<std::string_view, Function::Body>> global_functions() {
  static constexpr std::array<std::pair<std::string_view, Function::Body>, 6> kGlobals = {{
      {"range", range},
      {"dict", dict},
      {"namespace", make_namespace},
      {"raise_exception", raise_exception},
      {"strftime_now", strftime_now},
      {"joiner", joiner},
  }};
  return kGlobals;
}

}  // namespace loongforge::tokenizer::jinja
