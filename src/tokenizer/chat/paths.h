// SPDX-License-Identifier: Apache-2.0
// The "attribute" argument of filters: "a.b.0" names what to take from each element.
#pragma once
#include <optional>
#include <vector>

#include "tokenizer/chat/interpreter.h"

namespace loongforge::tokenizer::jinja {

class Path {
 public:
  /// `attribute`: None (the element itself), a dotted string, or an integer. `otherwise` stands for what is undefined.
  Path(Interpreter& interpreter, const Value& attribute, std::optional<Value> otherwise = {});
  Value get(Value element) const;

 private:
  Interpreter& interpreter_;
  std::vector<Value> keys_;
  std::optional<Value> otherwise_;
};

/// Strings in lower case when `fold` is set; all else as it is.
Value fold_case(Interpreter& interpreter, const Value& value, bool fold);

}  // namespace loongforge::tokenizer::jinja
