// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/conversation.h"

#include <gmock/gmock.h>

#include "loongforge/core/error.h"

namespace loongforge::corpus {
namespace {

using testing::HasSubstr;

Conversation read(const std::string& record, const ConversationLayout& layout = {}) {
  Conversation conversation;
  const std::string problem = read_conversation(Json::parse(record), layout, conversation);
  EXPECT_EQ(problem, "") << record;
  return conversation;
}

std::string problem(const std::string& record, const ConversationLayout& layout = {}) {
  Conversation conversation;
  return read_conversation(Json::parse(record), layout, conversation);
}

const char* kMessages = R"({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q\nI"},
                            {"role": "assistant", "content": "A"}]})";

TEST(Conversations, TheLayoutsGiveTheSame) {
  const auto expected = read(kMessages);
  EXPECT_EQ(expected.messages.dump(),
            R"([{"role":"system","content":"S"},{"role":"user","content":"Q\nI"},{"role":"assistant","content":"A"}])");
  EXPECT_EQ(read(R"({"conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "Q\nI"},
                                       {"from": "gpt", "value": "A"}]})"),
            expected);
  EXPECT_EQ(
      read(
          R"({"system": "S", "conversations": [{"from": "user", "value": "Q\nI"}, {"from": "assistant", "value": "A"}]})"),
      expected);
  EXPECT_EQ(read(R"({"instruction": "Q", "input": "I", "output": "A", "system": "S"})"), expected);
  auto prompted = read(R"({"system": "S", "prompt": "Q\nI", "completion": "A"})");
  EXPECT_EQ(prompted.prompt_messages, 2);
  prompted.prompt_messages = -1;
  EXPECT_EQ(prompted, expected);
}

TEST(Conversations, HistoryInputAndPromptLists) {
  const auto turns = read(R"({"instruction": "c", "input": "", "output": "d", "history": [["a", "b"]]})").messages;
  EXPECT_EQ(turns, read(R"({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"},
                           {"from": "human", "value": "c"}, {"from": "gpt", "value": "d"}]})")
                       .messages);
  const auto split = read(R"({"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                             {"role": "user", "content": "c"}], "completion": [{"role": "assistant", "content": "d"}]})");
  EXPECT_EQ(split.messages, turns);
  EXPECT_EQ(split.prompt_messages, 3);
}

TEST(Conversations, TablesGiveNullsForAbsentFields) {
  EXPECT_EQ(read(R"({"messages": [{"role": "system", "content": "S", "tool_calls": null, "name": null},
                     {"role": "user", "content": "Q\nI", "weight": null}, {"role": "assistant", "content": "A"}],
                     "conversations": null, "tools": null, "weight": null})"),
            read(kMessages));
}

TEST(Conversations, ToolsCallsAndWeights) {
  const auto tools =
      read(R"({"tools": "[{\"name\": \"f\"}]", "weight": 0.5, "messages": [{"role": "user", "content": "x"},
      {"role": "assistant", "content": null, "weight": 0, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
      {"role": "tool", "content": "y", "tool_call_id": "1"},
      {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "weight": 2}]})");
  EXPECT_EQ(tools.tools, Json::parse(R"([{"name": "f"}])"));
  EXPECT_EQ(tools.weight, 0.5);
  EXPECT_EQ(tools.message_weights, (std::vector<double>{1, 0, 1, 2}));
  EXPECT_EQ(tools.messages[1]["content"], "");
  EXPECT_EQ(tools.messages[1]["tool_calls"][0]["function"]["name"], "f");
  EXPECT_EQ(tools.messages[2]["tool_call_id"], "1");
  EXPECT_EQ(tools.messages[3].dump(), R"({"role":"assistant","content":"ab"})");
  const auto call = read(R"({"conversations": [{"from": "human", "value": "x"},
      {"from": "function_call", "value": "{\"name\": \"f\", \"arguments\": {}}"}, {"from": "observation", "value": "y"},
      {"from": "gpt", "value": "z"}], "tools": ""})");
  EXPECT_EQ(call.messages[1]["tool_calls"][0]["function"]["name"], "f");
  EXPECT_EQ(call.messages[2]["role"], "tool");
  EXPECT_TRUE(call.tools.is_null());
}

TEST(Conversations, ColumnsRename) {
  const ConversationLayout layout{"messages", {{"messages", "dialog"}, {"role", "who"}, {"content", "says"}}};
  EXPECT_EQ(read(R"({"dialog": [{"who": "system", "says": "S"}, {"who": "user", "says": "Q\nI"},
                     {"who": "assistant", "says": "A"}]})",
                 layout),
            read(kMessages));
  EXPECT_THAT(problem(kMessages, layout), HasSubstr("no field `dialog`"));
  EXPECT_NO_THROW(check_layout(layout));
  EXPECT_THROW(check_layout({"messages", {{"mesages", "x"}}}), ConfigError);
  EXPECT_THROW(check_layout({"sharegtp", {}}), ConfigError);
}

TEST(Conversations, BadRecordsSayWhy) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"3", "a number, not an object"},
      {"{}", "no known layout"},
      {R"({"messages": []})", "empty"},
      {R"({"messages": 7})", "not a list"},
      {R"({"messages": ["a"]})", "turn 1 is a string"},
      {R"({"messages": [{"content": "x"}]})", "turn 1 has no text `role`"},
      {R"({"messages": [{"role": 3, "content": "x"}]})", "turn 1 has no text `role`"},
      {R"({"messages": [{"role": "user"}]})", "turn 1 has no `content`"},
      {R"({"messages": [{"role": "user", "content": 5}]})", "content of turn 1 is a number"},
      {R"({"messages": [{"role": "user", "content": [{"type": "image"}]}]})", "no text"},
      {R"({"messages": [{"role": "wizard", "content": "x"}]})", "unknown role `wizard` in turn 1"},
      {R"({"messages": [{"role": "user", "content": "x"}]})", "no turn of the assistant"},
      {R"({"messages": [{"role": "assistant", "content": "x", "weight": -1}]})", "weight"},
      {R"({"messages": [{"role": "assistant", "content": "x"}], "weight": "a"})", "weight"},
      {R"({"messages": [{"role": "assistant", "content": "x"}], "tools": "{"})", "tools"},
      {R"({"instruction": "x", "output": 4})", "field `output` is a number"},
      {R"({"instruction": "x", "output": "y", "history": [["a"]]})", "history"},
      {R"({"conversations": [{"from": "function_call", "value": "not json"}]})", "function_call"},
      {R"({"prompt": "x", "completion": ["y"]})", "turn 1 is a string"}};
  for (const auto& [record, why] : cases) EXPECT_THAT(problem(record), HasSubstr(why)) << record;
}

}  // namespace
}  // namespace loongforge::corpus
