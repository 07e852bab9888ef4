// SPDX-License-Identifier: Apache-2.0
// Makes the values of one rendering and keeps it within its bounds.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "loongforge/tokenizer/chat.h"
#include "tokenizer/chat/value.h"

namespace loongforge::tokenizer::jinja {

class Heap {
 public:
  explicit Heap(const ChatLimits& limits) : limits_(limits), steps_(limits.steps), bytes_(limits.bytes) {}

  /// Counts `count` elementary operations; LimitError when they are used up.
  void step(size_t count = 1);
  /// Counts bytes before they are allocated; LimitError when they are used up.
  void take(size_t bytes);

  Value text(std::string text, bool markup = false);
  Value list(std::vector<Value> items) { return make_items(Kind::list, std::move(items), "list"); }
  Value tuple(std::vector<Value> items) { return make_items(Kind::tuple, std::move(items), "tuple"); }
  Value range(std::vector<Value> items) { return make_items(Kind::range, std::move(items), "range"); }
  /// `name`, a literal: "dict_items", "dict_keys" or "dict_values".
  Value view(std::string_view name, std::vector<Value> items) { return make_items(Kind::view, std::move(items), name); }
  Value iterator(std::vector<Value> items);
  Value dict(std::shared_ptr<Dict> dict);
  /// Values of a JSON document; invalid UTF-8 becomes U+FFFD.
  Value from_json(const Json& json, int depth = 0);

  const ChatLimits& limits() const { return limits_; }

 private:
  Value make_items(Kind kind, std::vector<Value> items, std::string_view name);

  ChatLimits limits_;
  int64_t steps_, bytes_;
};

/// One level of evaluation within others, against running out of stack.
class Level {
 public:
  Level(int& level, const ChatLimits& limits) : level_(level) {
    if (++level_ > limits.depth) {
      --level_;
      throw LimitError(fmt::format("more than {} expressions, blocks and macros within each other", limits.depth));
    }
  }
  ~Level() { --level_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  int& level_;
};

}  // namespace loongforge::tokenizer::jinja
