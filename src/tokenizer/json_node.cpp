// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/json_node.h"

#include "loongforge/core/error.h"

namespace loongforge::tokenizer {

bool JsonNode::has(std::string_view key) const {
  if (!value_->is_object()) return false;
  auto found = value_->find(key);
  return found != value_->end() && !found->is_null();
}

JsonNode JsonNode::at(std::string_view key) const {
  if (!value_->is_object()) fail(fmt::format("expected an object, found {}", value_->type_name()));
  auto found = value_->find(key);
  if (found == value_->end()) fail(fmt::format("'{}' is missing", key));
  return {*found, fmt::format("{}.{}", path_, key)};
}

std::vector<JsonNode> JsonNode::elements() const {
  if (!value_->is_array()) fail(fmt::format("expected an array, found {}", value_->type_name()));
  std::vector<JsonNode> nodes;
  nodes.reserve(value_->size());
  for (size_t i = 0; i < value_->size(); ++i) nodes.emplace_back((*value_)[i], fmt::format("{}[{}]", path_, i));
  return nodes;
}

std::string JsonNode::string() const {
  if (!value_->is_string()) fail(fmt::format("expected a string, found {}", value_->type_name()));
  return value_->get<std::string>();
}

bool JsonNode::boolean() const {
  if (!value_->is_boolean()) fail(fmt::format("expected true or false, found {}", value_->type_name()));
  return value_->get<bool>();
}

int32_t JsonNode::id() const {
  if (!value_->is_number_unsigned() || value_->get<uint64_t>() >= 0x7FFFFFFFu)
    fail("expected a non-negative integer below 2^31 - 1");
  return static_cast<int32_t>(value_->get<uint64_t>());
}

std::string JsonNode::string_or(std::string_view key, std::string fallback) const {
  return has(key) ? at(key).string() : std::move(fallback);
}

bool JsonNode::bool_or(std::string_view key, bool fallback) const { return has(key) ? at(key).boolean() : fallback; }

void JsonNode::fail(const std::string& what) const {
  throw DataError(fmt::format("{}: {}", path_, what), "is it a tokenizer.json as the 'tokenizers' package writes it?");
}

}  // namespace loongforge::tokenizer
