// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/chat/heap.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "tokenizer/unicode.h"

namespace loongforge::tokenizer::jinja {
namespace {

constexpr int kMaxNesting = 200;  // containers within each other

int depth_of(const std::vector<Value>& items) {
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, item.depth());
  if (depth >= kMaxNesting)
    throw LimitError(fmt::format("more than {} lists and mappings within each other", kMaxNesting));
  return depth + 1;
}

}  // namespace

void Heap::step(size_t count) {
  steps_ -= static_cast<int64_t>(std::min<size_t>(count, std::numeric_limits<int32_t>::max()));
  if (steps_ < 0) throw LimitError(fmt::format("more than {} steps", limits_.steps));
}

void Heap::take(size_t bytes) {
  if (bytes > static_cast<size_t>(std::max<int64_t>(bytes_, 0)))
    throw LimitError(fmt::format("more than {} bytes of text and lists", limits_.bytes));
  bytes_ -= static_cast<int64_t>(bytes);
}

Value Heap::text(std::string text, bool markup) {
  take(text.size() + sizeof(Text));
  auto object = std::make_shared<Text>();
  object->text = std::move(text);
  return Value(Kind::string, std::move(object), markup);
}

Value Heap::make_items(Kind kind, std::vector<Value> items, std::string_view name) {
  take(items.size() * sizeof(Value) + sizeof(Items));
  auto object = std::make_shared<Items>();
  object->depth = depth_of(items);
  object->items = std::move(items);
  object->name = name;
  return Value(kind, std::move(object));
}

Value Heap::iterator(std::vector<Value> items) {
  take(items.size() * sizeof(Value) + sizeof(Iterator));
  auto object = std::make_shared<Iterator>();
  object->depth = depth_of(items);
  object->items = std::move(items);
  return Value(Kind::iterator, std::move(object));
}

Value Heap::dict(std::shared_ptr<Dict> dict) {
  take(dict->entries.size() * 3 * sizeof(Value) + sizeof(Dict));
  if (dict->depth > kMaxNesting)
    throw LimitError(fmt::format("more than {} lists and mappings within each other", kMaxNesting));
  return Value(Kind::dict, std::move(dict));
}

Value Heap::from_json(const Json& json, int depth) {
  if (depth > kMaxNesting) fail("more than {} lists and mappings within each other", kMaxNesting);
  if (json.is_boolean()) return Value::boolean(json.get<bool>());
  if (json.is_number_unsigned() && json.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()})
    fail("the number {} has more than 63 bits", json.get<uint64_t>());
  if (json.is_number_integer()) return Value::integer(json.get<int64_t>());
  if (json.is_number_float()) return Value::real(json.get<double>());
  if (json.is_string()) {
    const auto& bytes = json.get_ref<const std::string&>();
    return text(valid_utf8_prefix(bytes) == bytes.size() ? bytes : utf8_lossy(bytes));
  }
  if (json.is_array()) {
    std::vector<Value> items;
    items.reserve(json.size());
    for (const Json& element : json) items.push_back(from_json(element, depth + 1));
    return list(std::move(items));
  }
  if (json.is_object()) {
    auto result = std::make_shared<Dict>();
    for (const auto& [key, value] : json.items()) result->set(from_json(Json(key)), from_json(value, depth + 1));
    return dict(std::move(result));
  }
  return Value::none();
}

}  // namespace loongforge::tokenizer::jinja
