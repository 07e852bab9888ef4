// SPDX-License-Identifier: Apache-2.0
#include "loongforge/tokenizer/tokenizer.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "tokenizer/regex.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
const std::string kQuickstart = std::string(LF_SOURCE_DIR) + "/examples/quickstart";

nlohmann::json small() {
  return nlohmann::json::parse(R"({"added_tokens":[{"id":4,"content":"<e>","special":true}],
    "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"aba":3},"merges":["a b",["ab","a"]]}})");
}

std::string error_of(const nlohmann::json& json) {
  try {
    Tokenizer::from_text(json.dump());
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Tokenizer, SmallVocabulary) {
  auto tokenizer = Tokenizer::from_text(small().dump());
  EXPECT_THAT(tokenizer.encode("ababa<e>b"), ElementsAre(2, 3, 4, 1));
  EXPECT_EQ(tokenizer.vocab_size(), 5);
  EXPECT_EQ(tokenizer.token_to_id("aba"), 3);
  EXPECT_EQ(tokenizer.token_to_id("c"), std::nullopt);
  EXPECT_EQ(tokenizer.id_to_token(4), "<e>");
  EXPECT_THAT(tokenizer.special_ids(), ElementsAre(4));
}

TEST(Tokenizer, EndOfTextComesFromTheConfigBesideIt) {
  auto tokenizer = Tokenizer::from_file(kQuickstart);
  EXPECT_EQ(tokenizer.end_of_text(), 0);
  EXPECT_EQ(tokenizer.vocab_size(), 2048);
  EXPECT_EQ(Tokenizer::from_text(small().dump()).end_of_text(), std::nullopt);
}

TEST(Tokenizer, BrokenUtf8CountsAsReplacementCharacters) {
  auto tokenizer = Tokenizer::from_file(kQuickstart);
  EXPECT_EQ(tokenizer.encode("a\xFF"
                             "b\xE4\xB8"),
            tokenizer.encode("a\xEF\xBF\xBD"
                             "b\xEF\xBF\xBD"));
  EXPECT_EQ(utf8_lossy("\xF0\x9F\x98"
                       "x\xED\xA0\x80"),
            "\xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(Tokenizer, MalformedFilesNameThePlace) {
  EXPECT_THROW(Tokenizer::from_file("/nonexistent/tokenizer.json"), DataError);
  EXPECT_THROW(Tokenizer::from_text(""), DataError);
  EXPECT_THROW(Tokenizer::from_text("{\"model\": "), DataError);
  EXPECT_THROW(Tokenizer::from_text(std::string(100000, '[')), DataError);
  auto json = small();
  json["model"]["merges"][1] = {"ab", "c"};
  EXPECT_THAT(error_of(json), HasSubstr("tokenizer.json.model.merges[1]: 'c' is not in the vocabulary"));
  json = small();
  json["model"]["merges"][0] = "a  b";
  EXPECT_THAT(error_of(json), HasSubstr("model.merges[0]"));
  json = small();
  json["model"]["vocab"]["a"] = -1;
  EXPECT_THAT(error_of(json), HasSubstr("the id of 'a'"));
  json = small();
  json["model"]["type"] = "Trigram";
  EXPECT_THAT(error_of(json), HasSubstr("model 'Trigram' is not supported"));
  json = small();
  json["model"]["unk_token"] = "<unk>";
  EXPECT_THAT(error_of(json), HasSubstr("model.unk_token: '<unk>' is not in the vocabulary"));
  EXPECT_THAT(error_of(nlohmann::json::array()), HasSubstr("expected an object"));
}

TEST(Tokenizer, UnknownComponentsAreNamed) {
  for (std::string part : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) {
    auto json = small();
    json[part] = {{"type", "Marvellous"}};
    EXPECT_THAT(error_of(json), testing::AllOf(HasSubstr("'Marvellous' is not supported"), HasSubstr(part)));
  }
  auto json = small();
  json["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(a"}}}, {"behavior", "Isolated"}};
  EXPECT_THAT(error_of(json), HasSubstr("pre_tokenizer.pattern: regular expression '(a'"));
  nlohmann::json nested = {{"type", "NFC"}};
  for (int i = 0; i < 100; ++i) nested = {{"type", "Sequence"}, {"normalizers", {nested}}};
  json = small();
  json["normalizer"] = nested;
  EXPECT_THAT(error_of(json), HasSubstr("nested too deep"));
}

// Every cut of the shipped file is refused; none crashes or is taken for whole.
TEST(Tokenizer, TruncatedFilesAreRefused) {
  std::string text = read_file(kQuickstart + "/tokenizer.json");
  while (text.back() != '}') text.pop_back();
  for (size_t size = 0; size < text.size(); size += 997)
    EXPECT_THROW(Tokenizer::from_text(std::string_view(text).substr(0, size)), DataError) << size;
}

TEST(Tokenizer, RunawayPatternsEndInAnError) {
  auto json = small();
  json["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(?<!x)(a+)+$b"}}}, {"behavior", "Isolated"}};
  auto tokenizer = Tokenizer::from_text(json.dump());
  EXPECT_THROW(tokenizer.encode(std::string(64, 'a') + "b"), DataError);
}

TEST(Tokenizer, LongWordsTakeLinearithmicTime) {
  auto tokenizer = Tokenizer::from_file(kQuickstart);
  std::string text(1 << 20, 'a');
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
}

TEST(Tokenizer, ManyThreadsGiveTheSameIds) {
  auto tokenizer = Tokenizer::from_file(kQuickstart);
  std::string text = "And the LORD said unto Moses, Stretch out thine hand over the sea.\n";
  auto expected = tokenizer.encode(text);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) wrong += Tokenizer(tokenizer).encode(text) != expected;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(StreamDecoder, GivesWholeCharactersOnly) {
  auto tokenizer = Tokenizer::from_file(kQuickstart);
  std::string text = "God said 😀 and ελ the light";
  StreamDecoder stream(tokenizer);
  std::string out;
  for (int32_t id : tokenizer.encode(text)) {
    std::string part = stream.push(id);
    EXPECT_EQ(valid_utf8_prefix(part), part.size());
    EXPECT_THAT(part, testing::Not(HasSubstr("\xEF\xBF\xBD")));
    out += part;
  }
  EXPECT_EQ(out + stream.finish(), text);
  StreamDecoder broken(tokenizer);
  EXPECT_EQ(broken.push(*tokenizer.token_to_id("ð")), "");  // the first byte of a character that never comes
  EXPECT_EQ(broken.finish(), "\xEF\xBF\xBD");
}

TEST(Regex, TranslatesRubySyntax) {
  EXPECT_EQ(to_pcre2("\\p{Han}\\d(?m:.)"), "\\p{sc:Han}\\p{Nd}(?s:.)");
  EXPECT_EQ(to_pcre2("\\p{N}{1,3}+"), "\\p{N}+");
  EXPECT_EQ(to_pcre2("[\\p{L}&&[^a-m]]"), "(?:(?=[^a-m])[\\p{L}])");
  EXPECT_THROW(Regex("[a"), DataError);
  EXPECT_THROW(Regex("a\\"), DataError);
  EXPECT_THROW(to_pcre2("x{2,3}+"), DataError);
}

}  // namespace
}  // namespace loongforge::tokenizer
