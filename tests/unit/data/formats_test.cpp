// SPDX-License-Identifier: Apache-2.0
// The same 200 conversations in every layout and container give the same batches, bit for bit.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "loongforge/core/json.h"
#include "loongforge/core/plugin_folders.h"
#include "loongforge/core/text.h"
#include "loongforge/data/builtin.h"
#include "loongforge/data/loader.h"
#include "support/archives.h"
#include "support/temp_folder.h"
#include "tiny_spec.h"

namespace loongforge::data {
namespace {

const std::string kGolden = LF_SOURCE_DIR "/tests/golden/data/";

/// Question and answer of the first 200 conversations that have one of each.
std::vector<std::pair<std::string, std::string>> pairs() {
  std::vector<std::pair<std::string, std::string>> result;
  const std::string file = read_file(LF_SOURCE_DIR "/examples/sft/kjv_train.jsonl");
  for (const auto line : split(file, '\n')) {
    if (line.empty() || result.size() == 200) continue;
    const Json messages = Json::parse(line).at("messages");
    if (messages.size() == 2) result.emplace_back(messages[0]["content"], messages[1]["content"]);
  }
  return result;
}

Json layout(const std::string& format, const std::string& question, const std::string& answer) {
  if (format == "alpaca") {
    const size_t cut = question.find('\n');
    if (cut == std::string::npos) return {{"instruction", question}, {"input", ""}, {"output", answer}};
    return {{"instruction", question.substr(0, cut)}, {"input", question.substr(cut + 1)}, {"output", answer}};
  }
  if (format == "sharegpt") {
    return {{"conversations",
             Json::array({{{"from", "human"}, {"value", question}}, {{"from", "gpt"}, {"value", answer}}})}};
  }
  return {{"messages",
           Json::array({{{"role", "user"}, {"content", question}}, {{"role", "assistant"}, {"content", answer}}})}};
}

class Formats : public test::TempFolder {
 protected:
  std::shared_ptr<const Dataset> open(const std::vector<std::string>& files) const {
    BuiltinRequest request;
    request.kind = "sft";
    request.train = files;
    request.tokenizer = LF_SOURCE_DIR "/examples/quickstart";
    request.seq_length = 192;
    request.seed = 3;
    request.cache_dir = at("cache");
    return make_builtin(request, test::tiny_spec(2048));
  }
  void expect_same(const std::vector<std::string>& files) {
    const auto dataset = open(files);
    ASSERT_EQ(dataset->size(), reference_->size()) << files[0];
    for (int64_t i = 0; i < dataset->size(); ++i) {
      const auto batch = dataset->collate({i}, 1), expected = reference_->collate({i}, 1);
      ASSERT_EQ(batch.hosts(), expected.hosts()) << files[0] << " row " << i;
      ASSERT_EQ(batch.tensors().size(), expected.tensors().size());
      for (const auto& [name, entry] : batch.tensors()) {
        ASSERT_TRUE(at::equal(entry.tensor, expected.get(name))) << files[0] << " row " << i << " " << name;
      }
    }
  }
  void SetUp() override {
    TempFolder::SetUp();
    pairs_ = pairs();
    ASSERT_EQ(pairs_.size(), 200u);
    std::string lines;
    for (const auto& [question, answer] : pairs_) lines += layout("messages", question, answer).dump() + "\n";
    reference_ = open({write("messages.jsonl", lines)});
    ASSERT_GT(reference_->size(), 20);
  }
  std::vector<std::pair<std::string, std::string>> pairs_;
  std::shared_ptr<const Dataset> reference_;
};

TEST_F(Formats, LayoutsAndTextContainers) {
  for (const std::string format : {"messages", "sharegpt", "alpaca"}) {
    std::string lines, tar;
    Json array = Json::array();
    for (size_t i = 0; i < pairs_.size(); ++i) {
      const Json record = layout(format, pairs_[i].first, pairs_[i].second);
      lines += record.dump() + "\r\n";
      tar += test::tar_member(fmt::format("shard/{:06}.json", i), record.dump(2));
      array.push_back(record);
    }
    tar += std::string(1024, '\0');
    expect_same({write(format + ".jsonl", lines)});
    expect_same({write(format + ".jsonl.gz", test::gzipped(lines))});
    expect_same({write(format + ".jsonl.zst", test::zstd(lines))});
    expect_same({write(format + ".json", array.dump(1))});
    expect_same({write(format + ".tar", tar)});
    // Cut in two files in the middle, and found by a pattern.
    const size_t half = lines.find('\n', lines.size() / 2) + 1;
    write(format + "-0.part.jsonl", lines.substr(0, half));
    write(format + "-1.part.jsonl", lines.substr(half));
    expect_same({at(format + "-?.part.jsonl")});
  }
}

TEST_F(Formats, ParquetArrowAndSavedDatasets) {
  bool built = false;
  for (const auto& folder : plugin_folders()) built = built || std::filesystem::exists(folder / "liblf_arrow.so");
  if (!built) {
    try {
      open({kGolden + "messages.parquet"});
      FAIL() << "read Parquet without liblf_arrow.so";
    } catch (const ResourceError& error) {
      EXPECT_THAT(error.hint(), testing::HasSubstr("tools/setup.sh --arrow"));
    }
    GTEST_SKIP() << "built without Arrow (tools/setup.sh --arrow): its files are not compared";
  }
  expect_same({kGolden + "messages.parquet"});
  expect_same({kGolden + "sharegpt.arrow"});
  expect_same({kGolden + "saved"});
  expect_same({kGolden + "saved/train"});
  const std::string parquet = read_file(kGolden + "messages.parquet"), arrow = read_file(kGolden + "sharegpt.arrow"),
                    stream = read_file(kGolden + "saved/train/data-00000-of-00002.arrow");
  for (const auto& [name, whole] :
       {std::pair{"cut.parquet", parquet}, {"cut.arrow", arrow}, {"stream.arrow", stream}}) {
    for (size_t keep : {size_t{0}, size_t{3}, whole.size() / 2, whole.size() - 9}) {
      const auto what =
          test::data_error([&, &name = name, &whole = whole] { open({write(name, whole.substr(0, keep))}); });
      EXPECT_THAT(what, testing::HasSubstr(name)) << keep;
    }
    uint32_t state = 7;
    for (int round = 0; round < 25; ++round) {
      std::string damaged = whole;
      for (int i = 0; i < 6; ++i) {
        state = state * 1664525 + 1013904223;
        damaged[state % damaged.size()] = static_cast<char>(state >> 24);
      }
      test::data_error([&, &name = name] { open({write(name, damaged)}); });
    }
  }
}

}  // namespace
}  // namespace loongforge::data
