// SPDX-License-Identifier: Apache-2.0
// Loss masks of conversations: which bytes are the assistant's, for templates of the common makes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "loongforge/tokenizer/chat_mask.h"

namespace loongforge::tokenizer {
namespace {

using ::testing::HasSubstr;

constexpr const char* kChatml =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
// Reasoning is dropped from all turns but the last.
constexpr const char* kReasoning =
    "{% for m in messages %}<|{{ m.role }}|>{% if m.reasoning_content and loop.last %}<think>{{ m.reasoning_content }}"
    "</think>{% endif %}{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
// The generation prompt opens the reasoning, which turns of the history don't have.
constexpr const char* kOpened =
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}";
// The generation prompt opens the reasoning, turns without reasoning close it at once.
constexpr const char* kClosed =
    "{% for m in messages %}<|{{ m.role }}|>{{ '</think>' if m.role == 'assistant' }}{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|><think>{% endif %}";
// The system's text stands before the last message of the user, which the generation prompt therefore writes otherwise.
constexpr const char* kSystemLast =
    "{% for m in messages %}{% if m.role == 'user' %}[I]{{ messages[0].content ~ ' ' if loop.last }}{{ m.content }}[/I]"
    "{% elif m.role == 'assistant' %}{{ m.content }}</s>{% endif %}{% endfor %}";
constexpr const char* kInstruct =
    "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content }}</s>{% endif %}"
    "{% endfor %}";
constexpr const char* kPlain =
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
constexpr const char* kMarked =
    "{% for m in messages %}{% if m.role == 'assistant' %}A:{% generation %}{{ m.content }}</s>{% endgeneration %}{{ '\n' }}"
    "{% else %}U:{{ m.content }}\n{% endif %}{% endfor %}";
constexpr const char* kMarkedInMacro =
    "{% macro turn(m) %}{% generation %}{{ m.content }}|{% endgeneration %}{% endmacro %}"
    "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{{ turn(m) }}{% else %}{{ m.content }}|{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

Json message(const char* role, const std::string& content) { return {{"role", role}, {"content", content}}; }
Json dialogue() {
  return Json::array({message("user", "one"), message("assistant", "first"), message("user", "two"),
                      message("assistant", "<second> ")});
}

// The text with its trained turns in « » and the others of the assistant in ‹ ›.
std::string marked(const RenderedConversation& conversation) {
  std::string out;
  size_t at = 0;
  for (const TurnSpan& turn : conversation.turns) {
    out += conversation.text.substr(at, turn.begin - at) + (turn.train ? "«" : "‹");
    out += conversation.text.substr(turn.begin, turn.end - turn.begin) + (turn.train ? "»" : "›");
    at = turn.end;
  }
  return out + conversation.text.substr(at);
}

std::string marks(const char* source, const Json& messages = dialogue(), const MaskOptions& mask = {}) {
  return marked(render_conversation(ChatTemplate::from_text(source, "t"), messages, {}, mask));
}

TEST(ChatMask, AllTurnsWithTheirEnd) {
  EXPECT_EQ(marks(kChatml), "<|im_start|>user\none<|im_end|>\n<|im_start|>assistant\n«first<|im_end|>»\n"
                            "<|im_start|>user\ntwo<|im_end|>\n<|im_start|>assistant\n«<second> <|im_end|>»\n");
  EXPECT_EQ(marks(kInstruct), "[INST] one [/INST]« first</s>»[INST] two [/INST]« <second> </s>»");
  EXPECT_EQ(marks(kMarked), "U:one\nA:«first</s>»\nU:two\nA:«<second> </s>»\n");
}

TEST(ChatMask, WhiteSpaceEndsTurnsOfTemplatesWithoutAnEndToken) {
  EXPECT_EQ(marks(kPlain), "user: one\n\nassistant: «first\n\n»user: two\n\nassistant: «<second> \n\n»");
}

TEST(ChatMask, HeaderWithoutTheOpenedReasoning) {
  EXPECT_EQ(marks(kOpened), "<|user|>one</s><|assistant|>«first</s>»<|user|>two</s><|assistant|>«<second> </s>»");
}

TEST(ChatMask, HeaderEndsBetweenTags) {
  EXPECT_EQ(marks(kClosed), "<|user|>one</s><|assistant|>«</think>first</s>»<|user|>two</s><|assistant|>"
                            "«</think><second> </s>»");
}

TEST(ChatMask, HeaderOfAPromptThatIsWrittenOtherwise) {
  Json messages = dialogue();
  messages.insert(messages.begin(), message("system", "sys"));
  EXPECT_EQ(marks(kSystemLast, messages), "[I]one[/I]«first</s>»[I]two[/I]«<second> </s>»");
}

TEST(ChatMask, MacrosThatMarkAreFoundByRendering) {
  EXPECT_EQ(marks(kMarkedInMacro), "<user>one|<assistant>«first|»<user>two|<assistant>«<second> |»");
}

TEST(ChatMask, LastTurnWhenEarlierOnesAreRewritten) {
  Json messages = dialogue();
  messages[1]["reasoning_content"] = "hm";
  messages[3]["reasoning_content"] = "well";
  auto chat_template = ChatTemplate::from_text(kReasoning, "t");
  auto conversation = render_conversation(chat_template, messages);
  EXPECT_EQ(marked(conversation), "<|user|>one<|end|><|assistant|>first<|end|><|user|>two<|end|><|assistant|>"
                                  "«<think>well</think><second> <|end|>»");
  EXPECT_THAT(conversation.note, HasSubstr("message 1 is written otherwise"));
  try {
    render_conversation(chat_template, messages, {}, {.on_rewrite = OnRewrite::refuse});
    ADD_FAILURE() << "not refused";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("message 1 is written otherwise"));
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST(ChatMask, LastAndCompletions) {
  Json messages = Json::array({message("user", "q"), message("assistant", "a"), message("user", "r"),
                               message("assistant", "b"), message("tool", "t"), message("assistant", "c")});
  const char* source =
      "{% for m in messages %}[{{ m.role }}]{{ m.content }}.{% endfor %}"
      "{% if add_generation_prompt %}[assistant]{% endif %}";
  EXPECT_EQ(marks(source, messages, {.train_on = TrainOn::last}),
            "[user]q.[assistant]‹a.›[user]r.[assistant]‹b.›[tool]t.[assistant]«c.»");
  EXPECT_EQ(marks(source, messages, {.train_on = TrainOn::completions}),
            "[user]q.[assistant]‹a.›[user]r.[assistant]«b.»[tool]t.[assistant]«c.»");
  EXPECT_EQ(marks(source, messages, {.train_on = TrainOn::completions, .prompt_messages = 5}),
            "[user]q.[assistant]‹a.›[user]r.[assistant]‹b.›[tool]t.[assistant]«c.»");
}

TEST(ChatMask, RefusesWhatCannotBeTrained) {
  auto chat_template = ChatTemplate::from_text(kChatml, "t");
  EXPECT_THROW(render_conversation(chat_template, Json::array({message("user", "q")})), DataError);
  EXPECT_THROW(render_conversation(chat_template, dialogue(), {}, {.train_on = TrainOn::completions, .prompt_messages = 4}),
               DataError);
  EXPECT_THROW(render_conversation(chat_template, dialogue(), {.add_generation_prompt = true}), ConfigError);
  EXPECT_THROW(render_conversation(ChatTemplate::from_text("{{ messages | length }}", "t"), dialogue()), DataError);
}

TEST(ChatMask, TokensByTheirFirstByte) {
  RenderedConversation conversation;
  conversation.text = "U:q\nA:yes</s>\nU:r\nA:no</s>";
  conversation.turns = {{6, 13, 1, true}, {20, 26, 3, false}};
  // One token reaches from the header into the turn, one from the turn past its end, one stands for no text.
  const std::vector<TokenRange> tokens = {{0, 0}, {0, 5}, {5, 7}, {7, 9}, {9, 15}, {13, 15}, {15, 20}, {20, 26}};
  EXPECT_EQ(token_mask(conversation, tokens), (std::vector<uint8_t>{0, 0, 0, 1, 1, 0, 0, 0}));
}

}  // namespace
}  // namespace loongforge::tokenizer
