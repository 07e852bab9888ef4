// SPDX-License-Identifier: Apache-2.0
// Values as text: Python's str and repr, and json.dumps.
#pragma once
#include <string>

#include "tokenizer/chat/heap.h"
#include "tokenizer/chat/value.h"

namespace loongforge::tokenizer::jinja {

/// The shortest text that reads back as `value`, as Python's repr(float): "1.0", "1e-05", "inf", "nan".
std::string real_text(double value);
/// str(value); the bytes are counted.
std::string to_text(const Value& value, Heap& heap);
std::string repr(const Value& value, Heap& heap);

struct JsonStyle {
  bool ascii = false, sort_keys = false, pretty = false;
  std::string indent;  // of one level, when `pretty`
  std::string item_separator = ", ", key_separator = ": ";
};
/// json.dumps(value); RenderError for what JSON doesn't have.
std::string to_json(const Value& value, const JsonStyle& style, Heap& heap);

}  // namespace loongforge::tokenizer::jinja
