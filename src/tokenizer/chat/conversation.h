// SPDX-License-Identifier: Apache-2.0
// What transformers does to a conversation before and after the template sees it.
#pragma once
#include <string>
#include <vector>

#include "loongforge/core/json.h"

namespace loongforge::tokenizer {

/// Without the keys that hold null; a message's reasoning under all the names that templates read. DataError when
/// `messages` is not an array of objects.
Json prepare_messages(const Json& messages);

struct Continuation {
  std::string final_text;
};
/// Puts a mark behind the last message's `field`. DataError when there is nothing to continue, ConfigError when the
/// template doesn't read the field.
Continuation mark_continuation(Json& messages, const std::string& field, const std::string& source);
/// Cuts `text` at the mark. DataError when the template changed the message so much that it isn't there.
void cut_continuation(std::string& text, const Continuation& continuation);

}  // namespace loongforge::tokenizer
