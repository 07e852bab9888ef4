// SPDX-License-Identifier: Apache-2.0
#include "unit/config/support.h"

namespace loongforge::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RunConfig from(const std::string& data) {
  return run_config_from(parse_yaml("model: {config: {hidden_size: 8}}\ndata: " + data + "\n", "f.yaml"), "f");
}

TEST(DataSection, ReadsBlendsAndConversations) {
  const RunConfig c = from(
      "{kind: sft, tokenizer: t, train: [a, b], weights: [1, 0.5], columns: {messages: dialog}, format: sharegpt}");
  EXPECT_THAT(c.data.weights, ElementsAre(1.0, 0.5));
  EXPECT_EQ(c.data.columns.find("messages")->as_string(), "dialog");
  EXPECT_EQ(c.data.train_on, "all");
  const RunConfig again = run_config_from(parse_yaml(dump_yaml(c), "dump"), "f");
  EXPECT_EQ(again.data.weights, c.data.weights);
  EXPECT_THAT(from("{train: [a], weights: 2}").data.weights, ElementsAre(2.0));
}

TEST(DataSection, WrongCombinationsAreNamed) {
  const auto problem = [](const std::string& data) { return config_error([&] { from(data); }); };
  EXPECT_THAT(problem("{train: [a, b], weights: [1]}"), HasSubstr("data.weights has 1 numbers for the 2 entries"));
  EXPECT_THAT(problem("{train: [a], weights: [0]}"), HasSubstr("data.weights must be"));
  EXPECT_THAT(problem("{train: [a], weights: [x]}"), HasSubstr("data.weights must be"));
  EXPECT_THAT(problem("{kind: sft, tokenizer: t, columns: {messages: 3}}"), HasSubstr("data.columns.messages"));
  EXPECT_THAT(problem("{kind: sft, train: [a]}"), HasSubstr("needs a tokenizer"));
  EXPECT_THAT(problem("{kind: stf}"), HasSubstr("did you mean sft?"));
  EXPECT_THAT(problem("{format: sharegtp}"), HasSubstr("sharegpt"));
  EXPECT_THAT(problem("{truncation: middle}"), HasSubstr("right, left, drop, error"));
}

TEST(DataSection, NamesOfOtherPrograms) {
  const std::string text = config_error([] {
    run_config_from(parse_yaml("model: {config: {hidden_size: 8}}\ncutoff_len: 5\ntemplate: qwen\nneat_packing: true\n"
                               "mask_history: true\ndataset_text_field: x\ninterleave_probs: [1]\nstage: sft\n",
                               "f.yaml"),
                    "f");
  });
  for (const char* ours : {"data.seq_length", "data.chat_template", "data.packing", "data.train_on", "data.text_key",
                           "data.weights", "`data.kind` (sft)"}) {
    EXPECT_THAT(text, HasSubstr(ours));
  }
}

}  // namespace
}  // namespace loongforge::config
