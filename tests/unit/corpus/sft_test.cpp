// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/sft.h"

#include <gmock/gmock.h>

#include <set>

#include "corpus/turn_runs.h"
#include "loongforge/corpus/byte_stream.h"
#include "support/temp_folder.h"

namespace loongforge::corpus {
namespace {

using test::data_error;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kQuickstart = LF_SOURCE_DIR "/examples/quickstart";

class Sft : public test::TempFolder {
 protected:
  SftReport tokenize(const std::string& file, SftOptions options = {}) {
    options.inputs = {file};
    options.output = at("out");
    return tokenize_conversations(tokenizer_, chat_, options);
  }
  /// Text of what is trained in a sample, piece by piece.
  std::vector<std::string> trained(const Sample& sample) const {
    std::vector<std::string> pieces;
    std::vector<int32_t> run;
    for (size_t i = 0; i <= sample.ids.size(); ++i) {
      const bool on = i < sample.ids.size() && sample.loss_weights[i] > 0;
      if (on) run.push_back(sample.labels[i]);
      if (!on && !run.empty()) pieces.push_back(tokenizer_.decode(run, false)), run.clear();
    }
    return pieces;
  }
  static std::string record(const std::vector<std::string>& turns, const std::string& extra = "") {
    Json messages = Json::array();
    for (size_t i = 0; i < turns.size(); ++i) {
      messages.push_back({{"role", i % 2 == 0 ? "user" : "assistant"}, {"content", turns[i]}});
    }
    return fmt::format("{{\"messages\": {}{}}}\n", messages.dump(), extra);
  }
  tokenizer::Tokenizer tokenizer_ = tokenizer::Tokenizer::from_file(kQuickstart);
  tokenizer::ChatTemplate chat_ = tokenizer::ChatTemplate::from_folder(kQuickstart);
};

TEST_F(Sft, ExactlyTheTurnsOfTheAssistantAreTrained) {
  const auto file = write("a.jsonl", record({"Who?", "Moses, the man.", "Where?", "In Egypt\n"}));
  const auto report = tokenize(file);
  EXPECT_EQ(report.conversations, 1);
  const auto rows = make_sft_rows(at("out"), 2048, {}, {file});
  ASSERT_EQ(rows->size(), 1);
  EXPECT_THAT(trained(rows->get(0)), ElementsAre("Moses, the man.<|endoftext|>", "In Egypt\n<|endoftext|>"));
  for (const auto& [choice, expected] : {std::pair{tokenizer::TrainOn::last, 1u},
                                         {tokenizer::TrainOn::completions, 1u},
                                         {tokenizer::TrainOn::all, 2u}}) {
    SftOptions options;
    options.mask.train_on = choice;
    tokenize(file, options);
    EXPECT_EQ(trained(make_sft_rows(at("out"), 2048, {}, {file})->get(0)).size(), expected);
  }
}

TEST_F(Sft, TheIdsAreThoseOfTheWholeText) {
  Conversation conversation;
  ASSERT_EQ(read_conversation(Json::parse(record({"Who?", "Moses", "And?", "Aaron"})), {}, conversation), "");
  const auto tokens = tokenize_conversation(conversation, chat_, tokenizer_, {});
  const auto text = tokenizer::render_conversation(chat_, conversation.messages).text;
  EXPECT_EQ(tokens.ids, tokenizer_.encode(text, false));
  EXPECT_EQ(tokens.weights.size(), tokens.ids.size());
}

TEST_F(Sft, IdsAndMasksAreTransformers) {
  const Json golden = Json::parse(read_file(LF_SOURCE_DIR "/tests/golden/data/sft_masks.json"));
  LineReader lines(LF_SOURCE_DIR "/examples/sft/kjv_valid.jsonl");
  std::string line;
  for (const auto& expected : golden) {
    ASSERT_TRUE(lines.next(line));
    Conversation conversation;
    ASSERT_EQ(read_conversation(Json::parse(line), {}, conversation), "");
    const auto tokens = tokenize_conversation(conversation, chat_, tokenizer_, {});
    EXPECT_EQ(tokens.ids, expected["ids"].get<std::vector<int32_t>>()) << line;
    std::vector<double> weights(tokens.ids.size(), 0.0);
    for (const auto& run : expected["trained"]) {
      std::fill_n(weights.begin() + run[0].get<int64_t>(), run[1].get<int64_t>(), 1.0);
    }
    EXPECT_EQ(tokens.weights, weights) << line;
  }
  EXPECT_EQ(golden.size(), 60u);
}

TEST_F(Sft, WeightsOfConversationsAndTurnsMultiply) {
  const auto file = write("a.jsonl", R"({"weight": 0.5, "messages": [{"role": "user", "content": "x"},
      {"role": "assistant", "content": "one", "weight": 3}, {"role": "user", "content": "y"},
      {"role": "assistant", "content": "two", "weight": 0}, {"role": "user", "content": "z"},
      {"role": "assistant", "content": "three"}]})"
                                     "\n");
  std::string flat = read_file(file);
  std::replace(flat.begin(), flat.end() - 1, '\n', ' ');
  write("a.jsonl", flat);
  tokenize(file);
  const auto sample = make_sft_rows(at("out"), 0, {}, {file})->get(0);
  EXPECT_THAT(trained(sample), ElementsAre("one<|endoftext|>", "three<|endoftext|>"));
  const std::set<double> weights(sample.loss_weights.begin(), sample.loss_weights.end());
  EXPECT_EQ(weights, (std::set<double>{0, 0.5, 1.5}));
}

TEST_F(Sft, BadRecordsFollowThePolicyAndAreNamed) {
  const auto file = write("a.jsonl", record({"q", "a"}) + "{broken\n" + "{\"messages\": []}\n" + record({"q", "b"}) +
                                         record({"q", "c"}, ", \"weight\": 0") + "\"text\"\n" + record({"q", "d"}));
  EXPECT_THAT(data_error([&] { tokenize(file); }), HasSubstr("a.jsonl:2: not JSON"));
  EXPECT_FALSE(std::filesystem::exists(at("out.idx")));
  SftOptions options;
  options.bad_records = BadRecord::skip;
  const auto report = tokenize(file, options);
  EXPECT_EQ(report.conversations, 3);
  EXPECT_EQ(report.skipped, 3);
  EXPECT_EQ(report.without_loss, 1);
  EXPECT_THAT(report.examples, ElementsAre(HasSubstr(":2: "), HasSubstr(":3: the conversation is empty"),
                                           HasSubstr(":5: every weight is 0"), HasSubstr(":6: ")));
  EXPECT_THAT(report.summary(), testing::AllOf(HasSubstr("3 bad records"), HasSubstr("1 left out")));
}

TEST_F(Sft, SameFilesForAnyThreadsAndSplits) {
  std::string lines;
  for (int i = 0; i < 300; ++i)
    lines += record({fmt::format("Question {}", i), std::string(static_cast<size_t>(i % 50 + 1), 'a')});
  const auto file = write("a.jsonl", lines);
  std::vector<std::string> contents;
  for (int64_t threads : {1, 3}) {
    SftOptions options;
    options.threads = threads;
    options.holdout = 0.1;
    const auto report = tokenize(file, options);
    EXPECT_EQ(report.conversations, 300);
    std::string all;
    for (const char* part : {"_train", "_valid", "_train_turns", "_valid_turns"})
      all += read_file(at("out") + part + ".bin");
    contents.push_back(all);
  }
  EXPECT_EQ(contents[0], contents[1]);
  const auto train = make_sft_rows(at("out_train"), 0, {.packing = false}, {file});
  const auto valid = make_sft_rows(at("out_valid"), 0, {.packing = false}, {file});
  EXPECT_EQ(train->size() + valid->size(), 300);
  EXPECT_GT(valid->size(), 10);
}

TEST_F(Sft, PackedRowsHoldEveryConversationOnce) {
  std::string lines;
  for (int i = 0; i < 200; ++i)
    lines += record({fmt::format("q{}", i), std::string(static_cast<size_t>(1 + i * 7 % 90), 'x')});
  const auto file = write("a.jsonl", lines);
  tokenize(file);
  SftRows options{.seq_length = 160, .buffer = 64, .seed = 5};
  SftRowCounts counts;
  const auto rows = make_sft_rows(at("out"), 0, options, {file}, &counts);
  const auto alone = make_sft_rows(at("out"), 0, {.packing = false}, {file});
  std::multiset<std::vector<int32_t>> packed, expected;
  for (int64_t i = 0; i < rows->size(); ++i) {
    const Sample row = rows->get(i);
    ASSERT_LE(row.ids.size(), 160u);
    size_t begin = 0;
    for (int32_t length : row.document_lengths) {
      packed.insert({row.ids.begin() + begin, row.ids.begin() + begin + length});
      begin += static_cast<size_t>(length);
      EXPECT_EQ(row.loss_weights[begin - 1], 0) << "a label crosses into the next conversation";
    }
    EXPECT_EQ(begin, row.ids.size());
  }
  for (int64_t i = 0; i < alone->size(); ++i) expected.insert(alone->get(i).ids);
  EXPECT_EQ(packed, expected);
  EXPECT_EQ(counts.conversations, 200);
  EXPECT_LT(counts.rows, 100);
  EXPECT_GT(static_cast<double>(counts.ids), 0.9 * static_cast<double>(counts.rows * 160));
}

TEST_F(Sft, LongConversationsFollowThePolicyAndAreCounted) {
  const std::string words(300, 'b');
  const auto file =
      write("a.jsonl", record({"short", "yes"}) + record({"q", words + " tail"}) + record({words, "end"}));
  tokenize(file);
  const auto open = [&](Truncation truncation, SftRowCounts& counts) {
    return make_sft_rows(at("out"), 0, {.seq_length = 60, .truncation = truncation, .packing = false}, {file}, &counts);
  };
  SftRowCounts right, left, drop, error;
  const auto beginnings = open(Truncation::right, right);
  EXPECT_EQ(right.truncated, 1);
  EXPECT_EQ(right.lost_loss, 1) << "the question fills the row";
  EXPECT_EQ(beginnings->size(), 2);
  const auto ends = open(Truncation::left, left);
  EXPECT_EQ(left.truncated, 2);
  EXPECT_THAT(trained(ends->get(1)).back(), HasSubstr("tail<|endoftext|>"));
  EXPECT_THAT(trained(ends->get(2)), ElementsAre("end<|endoftext|>"));
  open(Truncation::drop, drop);
  EXPECT_EQ(drop.too_long, 2);
  EXPECT_EQ(drop.rows, 1);
  EXPECT_THAT(data_error([&] { open(Truncation::error, error); }), HasSubstr("a.jsonl:2: the conversation has"));
  EXPECT_THAT(right.summary(60), HasSubstr("1 dropped since cutting left no trained token"));
}

TEST(TurnRuns, PackAndUnpack) {
  const std::vector<double> weights{0, 0, 0.1, 0.1, 1, 0, 1e-300, 3};
  const auto packed = pack_runs({7, int64_t{1} << 40}, weights);
  EXPECT_EQ(unpack_weights(packed, 8), weights);
  EXPECT_EQ(unpack_origin(packed).source, 7);
  EXPECT_EQ(unpack_origin(packed).number, int64_t{1} << 40);
  EXPECT_THROW(unpack_weights(packed, 7), DataError);
  EXPECT_THROW(unpack_weights(std::span(packed).first(6), 8), DataError);
}

}  // namespace
}  // namespace loongforge::corpus
