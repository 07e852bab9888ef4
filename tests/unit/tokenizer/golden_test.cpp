// SPDX-License-Identifier: Apache-2.0
// Ids and texts against those of the tokenizers package (tools/oracle/tokenizer_golden.py).
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "loongforge/core/error.h"
#include "loongforge/tokenizer/tokenizer.h"
#include "tokenizer/charsmap.h"

namespace loongforge::tokenizer {
namespace {

const std::string kRoot = LF_SOURCE_DIR;

std::vector<nlohmann::json> read_lines(const std::string& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in) << path;
  std::vector<nlohmann::json> records;
  for (std::string line; std::getline(in, line);) records.push_back(nlohmann::json::parse(line));
  return records;
}

struct Counts {
  int records = 0, ids = 0, decoded = 0;
};

void compare(const Tokenizer& tokenizer, const nlohmann::json& record, const std::string& name, Counts& counts) {
  auto text = record["text"].get<std::string>();
  auto ids = record["ids"].get<std::vector<int32_t>>(), special = record["special"].get<std::vector<int32_t>>();
  ++counts.records;
  bool same_ids = tokenizer.encode(text, false) == ids && tokenizer.encode(text, true) == special;
  bool same_text =
      tokenizer.decode(special, false) == record["decoded"] && tokenizer.decode(special, true) == record["skipped"];
  counts.ids += same_ids;
  counts.decoded += same_text;
  if (counts.records - counts.ids < 10 && !same_ids)
    ADD_FAILURE() << name << ": " << record["text"].dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)
                  << "\n expected " << nlohmann::json(ids).dump() << "\n found    "
                  << nlohmann::json(tokenizer.encode(text, false)).dump();
  if (counts.records - counts.decoded < 10 && !same_text)
    ADD_FAILURE() << name << ": " << record["text"].dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)
                  << "\n decoded " << record["decoded"].dump() << "\n found   "
                  << nlohmann::json(tokenizer.decode(special, false)).dump();
}

TEST(TokenizerGolden, ShippedVocabulary) {
  auto tokenizer = Tokenizer::from_file(kRoot + "/examples/quickstart");
  Counts counts;
  for (const auto& record : read_lines(kRoot + "/tests/golden/tokenizer/quickstart.jsonl"))
    compare(tokenizer, record, "quickstart", counts);
  EXPECT_GE(counts.records, 500);
  EXPECT_EQ(counts.ids, counts.records);
  EXPECT_EQ(counts.decoded, counts.records);
}

TEST(TokenizerGolden, EveryComponent) {
  Counts counts;
  for (const auto& item : read_lines(kRoot + "/tests/golden/tokenizer/components.jsonl")) {
    auto tokenizer = Tokenizer::from_text(item["tokenizer"].dump());
    for (const auto& record : item["records"]) {
      compare(tokenizer, record, item["name"], counts);
      if (!record.contains("pair")) continue;
      auto found = tokenizer.encode_pair(record["text"].get<std::string>(), record["second"].get<std::string>());
      EXPECT_EQ(found, record["pair"].get<std::vector<int32_t>>()) << item["name"] << " " << record.dump();
    }
  }
  EXPECT_GT(counts.records, 1000);
  EXPECT_EQ(counts.ids, counts.records);
  EXPECT_EQ(counts.decoded, counts.records);
}

// Tiny models of each kind as files, found by what is in the folder.
void compare_files(const std::string& golden,
                   const std::function<void(const nlohmann::json&, const std::filesystem::path&)>& place) {
  Counts counts;
  auto folder = std::filesystem::path(testing::TempDir()) / ("lf_tokenizer_golden_" + std::to_string(::getpid()));
  for (const auto& item : read_lines(kRoot + "/tests/golden/tokenizer/" + golden)) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    place(item, folder);
    auto tokenizer = Tokenizer::from_file(folder);
    for (const auto& record : item["records"]) compare(tokenizer, record, item["name"], counts);
  }
  EXPECT_GT(counts.records, 400);
  EXPECT_EQ(counts.ids, counts.records);
  EXPECT_EQ(counts.decoded, counts.records);
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

TEST(TokenizerGolden, SentencePieceModels) {
  compare_files("sentencepiece.jsonl", [](const nlohmann::json& item, const std::filesystem::path& folder) {
    write_text(folder / "tokenizer.model", decode_base64(item["model"].get<std::string>()));
  });
}

TEST(TokenizerGolden, RankedVocabularies) {
  compare_files("tiktoken.jsonl", [](const nlohmann::json& item, const std::filesystem::path& folder) {
    write_text(folder / "tiny.tiktoken", item["ranks"].get<std::string>());
    nlohmann::json config{{"pat_str", item["pattern"]}, {"added_tokens_decoder", item["specials"]}};
    write_text(folder / "tokenizer_config.json", config.dump());
  });
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

void compare_published(const std::filesystem::path& folder) {
  auto tokenizer = Tokenizer::from_file(folder);
  std::string name = folder.filename().string();
  Counts counts, shipped;
  int pairs = 0, equal_pairs = 0;
  for (auto record : read_lines(folder / "golden.jsonl")) {
    if (record.contains("hex")) record["text"] = from_hex(record["hex"]);
    compare(tokenizer, record, name, counts);
    if (!record.contains("pair")) continue;
    ++pairs;
    equal_pairs += tokenizer.encode_pair(record["text"].get<std::string>(), record["second"].get<std::string>()) ==
                   record["pair"].get<std::vector<int32_t>>();
  }
  for (const auto& record : read_lines(folder / "llama.jsonl")) {
    ++shipped.records;
    auto found = tokenizer.encode(record["text"].get<std::string>(), false);
    bool same = found == record["ids"].get<std::vector<int32_t>>();
    shipped.ids += same;
    if (!same)
      ADD_FAILURE() << name
                    << ", llama.cpp's: " << record["text"].dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)
                    << "\n expected " << record["ids"].dump() << "\n found    " << nlohmann::json(found).dump();
  }
  std::printf("%-22s %6d strings: ids equal %6d, texts %6d; pairs %d of %d; llama.cpp's ids %d of %d\n", name.c_str(),
              counts.records, counts.ids, counts.decoded, equal_pairs, pairs, shipped.ids, shipped.records);
  EXPECT_EQ(counts.ids, counts.records) << name;
  EXPECT_EQ(counts.decoded, counts.records) << name;
  EXPECT_EQ(equal_pairs, pairs) << name;
}

// Vocabularies that keep their licences and are not committed: run by ctest's oracle/tokenizers.
TEST(TokenizerGolden, PublishedVocabularies) {
  const char* folder = std::getenv("LF_TOKENIZER_GOLDEN");
  if (folder == nullptr)
    GTEST_SKIP() << "LF_TOKENIZER_GOLDEN is not set; tools/oracle/tokenizer_real.py --check sets it";
  const char* names = std::getenv("LF_TOKENIZER_NAMES");
  std::stringstream list(names == nullptr ? "" : names);
  int compared = 0;
  for (std::string name; std::getline(list, name, ','); ++compared)
    compare_published(std::filesystem::path(folder) / name);
  EXPECT_GT(compared, 0);
}

}  // namespace
}  // namespace loongforge::tokenizer
