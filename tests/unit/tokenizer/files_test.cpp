// SPDX-License-Identifier: Apache-2.0
// Which tokenizer a folder holds, damaged files, and random input.
#include "loongforge/core/files.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "loongforge/core/error.h"
#include "loongforge/tokenizer/tokenizer.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
const std::string kRoot = LF_SOURCE_DIR;

class Files : public testing::Test {
 protected:
  Files() : folder_(fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void put(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string error() {
    try {
      Tokenizer::from_file(folder_);
    } catch (const DataError& failure) {
      return failure.what();
    }
    return "no error";
  }
  static std::vector<nlohmann::json> golden(const std::string& name) {
    std::ifstream in(kRoot + "/tests/golden/tokenizer/" + name);
    std::vector<nlohmann::json> items;
    for (std::string line; std::getline(in, line);) items.push_back(nlohmann::json::parse(line));
    return items;
  }
  fs::path folder_;
};

TEST_F(Files, AFolderWithoutATokenizerSaysWhatIsWanted) {
  EXPECT_THAT(error(), HasSubstr("holds no tokenizer"));
  put("tokenizer.model", "");
  EXPECT_THAT(error(), HasSubstr("is empty"));
}

TEST_F(Files, VocabularyWithMerges) {
  nlohmann::json vocabulary;
  uint32_t id = 0;
  for (unsigned byte = 0; byte < 256; ++byte) vocabulary[std::string(byte_to_char(static_cast<uint8_t>(byte)))] = id++;
  vocabulary["ab"] = id++;
  vocabulary["<|endoftext|>"] = id;
  put("vocab.json", vocabulary.dump());
  put("merges.txt", "#version: 0.2\na b\n");
  auto tokenizer = Tokenizer::from_file(folder_);
  EXPECT_THAT(tokenizer.encode("ab<|endoftext|>"), ElementsAre(256, 257));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("ab é")), "ab é");
  EXPECT_EQ(tokenizer.end_of_text(), 257);
  put("merges.txt", "#version: 0.2\na b</w>\n");
  EXPECT_THAT(error(), HasSubstr("whole-word endings"));
}

TEST_F(Files, BertVocabulary) {
  put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nhello\nwor\n##ld\n!\n");
  auto tokenizer = Tokenizer::from_file(folder_);
  EXPECT_THAT(tokenizer.encode("Hello World! x"), ElementsAre(2, 4, 5, 6, 7, 1, 3));
  EXPECT_THAT(tokenizer.encode_pair("hello", "!"), ElementsAre(2, 4, 3, 7, 3));
  put("tokenizer_config.json", R"({"do_lower_case": false})");
  EXPECT_THAT(Tokenizer::from_file(folder_).encode("Hello", false), ElementsAre(1));
}

TEST_F(Files, Tekken) {
  nlohmann::json vocabulary = nlohmann::json::array();
  auto base64_of_byte = [](unsigned byte) {
    static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return std::string{kDigits[byte >> 2], kDigits[(byte & 3) << 4], '=', '='};
  };
  for (unsigned byte = 0; byte < 256; ++byte)
    vocabulary.push_back({{"rank", byte}, {"token_bytes", base64_of_byte(byte)}});
  nlohmann::json root{
      {"config", {{"pattern", "\\p{L}+|."}, {"default_vocab_size", 276}, {"default_num_special_tokens", 20}}},
      {"vocab", vocabulary}};
  put("tekken.json", root.dump());
  auto tokenizer = Tokenizer::from_file(folder_);
  EXPECT_THAT(tokenizer.encode("a[INST]"), ElementsAre(20 + 'a', 3));
  EXPECT_EQ(tokenizer.end_of_text(), 2);
}

TEST_F(Files, RankedVocabulariesNeedAPattern) {
  auto item = golden("tiktoken.jsonl").at(0);
  put("own.tiktoken", item["ranks"]);
  EXPECT_THAT(error(), HasSubstr("pattern of this vocabulary is not known"));
  put("own.tiktoken", "YQ== 0\nYg== x\n");
  EXPECT_THAT(error(), HasSubstr("own.tiktoken:2: the rank is not a number"));
  put("own.tiktoken", "YQ== 0\nYg== 0\n");
  EXPECT_THAT(error(), HasSubstr("own.tiktoken:2: rank 0 is there twice"));
  put("tokenizer_config.json", R"({"pat_str": "."})");
  put("own.tiktoken", "YQ== 0\n");
  EXPECT_THAT(error(), HasSubstr("a single byte has no rank"));
}

TEST_F(Files, SentencePieceFlagsAndTokensOfTheConfig) {
  put("tokenizer.model", decode_base64(golden("sentencepiece.jsonl").at(1)["model"].get<std::string>()));
  put("tokenizer_config.json",
      R"({"add_bos_token": true, "added_tokens_decoder": {"900": {"content": "<new>", "special": true}}})");
  auto tokenizer = Tokenizer::from_file(folder_);
  auto ids = tokenizer.encode("and<new>");
  EXPECT_EQ(ids.front(), tokenizer.token_to_id("<s>"));
  EXPECT_EQ(ids.back(), 900);
  EXPECT_EQ(tokenizer.end_of_text(), tokenizer.token_to_id("</s>"));
}

// Every cut of a model is refused or is a smaller model; changed bytes likewise. None crashes.
TEST_F(Files, DamagedSentencePieceModels) {
  std::mt19937 rng(1);
  int refused = 0;
  for (const auto& item : golden("sentencepiece.jsonl")) {
    std::string whole = decode_base64(item["model"].get<std::string>());
    for (int i = 0; i < 150; ++i) {
      std::string damaged = whole;
      if (i % 2 == 0) damaged.resize(rng() % whole.size());
      for (int n = i % 2 == 0 ? 0 : 3; n-- > 0;) damaged[rng() % damaged.size()] = static_cast<char>(rng());
      put("tokenizer.model", damaged);
      try {
        auto tokenizer = Tokenizer::from_file(folder_);
        tokenizer.decode(tokenizer.encode("And God said, 日本 \x01 <tok>"));
      } catch (const DataError& failure) {
        EXPECT_THAT(failure.what(), HasSubstr("tokenizer.model"));
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 100);
}

// Changed characters of every kind of tokenizer.json: refused with the place, or still a tokenizer.
TEST_F(Files, DamagedJson) {
  std::mt19937 rng(4);
  int refused = 0;
  for (const auto& item : golden("components.jsonl")) {
    std::string whole = item["tokenizer"].dump();
    for (int i = 0; i < 6; ++i) {
      std::string damaged = whole;
      // Most of a file is its vocabulary; what comes before and after it has more kinds of places to break.
      size_t range = i % 2 == 0 ? damaged.size() : std::min<size_t>(damaged.size(), 600);
      for (int n = 0; n < 2; ++n) damaged[damaged.size() - 1 - rng() % range] = "0aZ\"{}[],:.-\\"[rng() % 14];
      try {
        auto tokenizer = Tokenizer::from_text(damaged);
        tokenizer.decode(tokenizer.encode("And God said, 日本 \x01 <tok>"));
      } catch (const DataError& failure) {
        EXPECT_NE(std::string(failure.what()), "");
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 100);
}

// Random bytes through every kind of tokenizer, and random ids back.
TEST_F(Files, RandomInputs) {
  std::mt19937 rng(2);
  std::vector<Tokenizer> tokenizers{Tokenizer::from_file(kRoot + "/examples/quickstart")};
  for (const auto& item : golden("components.jsonl"))
    tokenizers.push_back(Tokenizer::from_text(item["tokenizer"].dump()));
  for (const auto& item : golden("sentencepiece.jsonl")) {
    put("tokenizer.model", decode_base64(item["model"].get<std::string>()));
    tokenizers.push_back(Tokenizer::from_file(folder_));
  }
  for (const auto& tokenizer : tokenizers) {
    for (int i = 0; i < 60; ++i) {
      std::string text(rng() % 200, ' ');
      for (char& c : text) c = static_cast<char>(rng() % 4 == 0 ? rng() % 256 : rng() % 128);
      std::vector<int32_t> ids;
      try {
        ids = tokenizer.encode(text);
      } catch (const DataError&) {
        continue;  // a model without an unknown token says so
      }
      for (int32_t id : ids) EXPECT_TRUE(id >= 0 && id < tokenizer.vocab_size());
      for (int n = 0; n < 8; ++n) ids.push_back(static_cast<int32_t>(rng()));
      std::string decoded = tokenizer.decode(ids, false);
      EXPECT_EQ(valid_utf8_prefix(decoded), decoded.size());
    }
  }
}

}  // namespace
}  // namespace loongforge::tokenizer
