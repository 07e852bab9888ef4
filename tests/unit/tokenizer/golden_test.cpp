// SPDX-License-Identifier: Apache-2.0
// Ids and texts against those of the tokenizers package (tools/oracle/tokenizer_golden.py).
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "loongforge/tokenizer/tokenizer.h"

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
    ADD_FAILURE() << name << ": " << record["text"].dump() << "\n expected " << nlohmann::json(ids).dump()
                  << "\n found    " << nlohmann::json(tokenizer.encode(text, false)).dump();
  if (counts.records - counts.decoded < 10 && !same_text)
    ADD_FAILURE() << name << ": " << record["text"].dump() << "\n decoded " << record["decoded"].dump() << "\n found   "
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
    for (const auto& record : item["records"]) compare(tokenizer, record, item["name"], counts);
  }
  EXPECT_GT(counts.records, 1000);
  EXPECT_EQ(counts.ids, counts.records);
  EXPECT_EQ(counts.decoded, counts.records);
}

// Larger vocabularies keep their licences and are not committed: LF_TOKENIZER_GOLDEN="tokenizer.json golden.jsonl".
TEST(TokenizerGolden, GivenVocabulary) {
  const char* given = std::getenv("LF_TOKENIZER_GOLDEN");
  if (given == nullptr) GTEST_SKIP() << "LF_TOKENIZER_GOLDEN is not set (made by tools/oracle/tokenizer_golden.py)";
  std::string paths = given;
  size_t space = paths.find(' ');
  auto tokenizer = Tokenizer::from_file(paths.substr(0, space));
  Counts counts;
  for (const auto& record : read_lines(paths.substr(space + 1))) compare(tokenizer, record, "given", counts);
  std::printf("records %d, ids equal %d, texts equal %d\n", counts.records, counts.ids, counts.decoded);
  EXPECT_EQ(counts.ids, counts.records);
  EXPECT_EQ(counts.decoded, counts.records);
}

}  // namespace
}  // namespace loongforge::tokenizer
