// SPDX-License-Identifier: Apache-2.0
// Conversations for supervised fine-tuning, read from the record layouts that people have.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "loongforge/core/json.h"

namespace loongforge::corpus {

/// A conversation as chat templates take it.
struct Conversation {
  Json messages = Json::array();        ///< [{"role": …, "content": …, …}], at least one of role assistant
  Json tools;                           ///< list of function descriptions; null: none
  double weight = 1;                    ///< of every trained token
  std::vector<double> message_weights;  ///< a factor for each message, 1 unless the record gives one
  int64_t prompt_messages = -1;         ///< how many make the prompt, where the record says it
  bool operator==(const Conversation&) const = default;
};

struct ConversationLayout {
  /// auto: by each record's fields; messages (OpenAI), sharegpt, alpaca, prompt (prompt and completion).
  std::string format = "auto";
  /// Name of a field here → its name in the records, for those that differ. See conversation_fields().
  std::map<std::string, std::string> columns;
};

/// Names that `columns` may map.
const std::vector<std::string>& conversation_fields();
/// ConfigError for unknown formats and columns.
void check_layout(const ConversationLayout& layout);

/// Reads one record into `out`; returns why it can't be used, "" when it can. Fields that are null count as absent, so
/// that tables (where every row has every column) read as JSONL does.
std::string read_conversation(const Json& record, const ConversationLayout& layout, Conversation& out);

}  // namespace loongforge::corpus
