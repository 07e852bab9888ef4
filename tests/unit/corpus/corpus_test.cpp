// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/corpus/holdout.h"
#include "loongforge/corpus/indexed.h"
#include "loongforge/corpus/ngram.h"
#include "loongforge/corpus/npy.h"
#include "loongforge/corpus/text_file.h"
#include "loongforge/corpus/tokenize.h"

namespace loongforge::corpus {
namespace {

namespace fs = std::filesystem;

class CorpusTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("corpus_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string at(const std::string& name) const { return (folder_ / name).string(); }
  fs::path folder_;
  const std::string quickstart_ = LF_SOURCE_DIR "/examples/quickstart";
};

/// Two documents, [1, 2, 3] and [65535], of u16.
std::string small_index() {
  std::string text{"MMIDIDX\0\0", 9};
  const auto put = [&](auto value) { text.append(reinterpret_cast<const char*>(&value), sizeof(value)); };
  put(uint64_t{1}), put(uint8_t{8}), put(uint64_t{2}), put(uint64_t{3});
  put(int32_t{3}), put(int32_t{1});
  put(int64_t{0}), put(int64_t{6});
  put(int64_t{0}), put(int64_t{1}), put(int64_t{2});
  return text;
}

TEST_F(CorpusTest, WriterMakesMegatronsBytes) {
  IndexedWriter writer(at("c"), IndexedDtype::u16);
  writer.add_document(std::vector<int32_t>{1, 2, 3});
  writer.add_document(std::vector<int32_t>{65535});
  EXPECT_FALSE(fs::exists(at("c.idx")));
  writer.finish();
  EXPECT_EQ(read_file(at("c.idx")), small_index());
  EXPECT_EQ(read_file(at("c.bin")), std::string("\1\0\2\0\3\0\xff\xff", 8));
}

TEST_F(CorpusTest, ReadsAcrossDocuments) {
  write_file(at("c.idx"), small_index());
  write_file(at("c.bin"), std::string("\1\0\2\0\3\0\xff\xff", 8));
  const IndexedCorpus corpus(at("c"));
  EXPECT_EQ(corpus.documents(), 2);
  EXPECT_EQ(corpus.total(), 4);
  EXPECT_EQ(corpus.read(1, 3), (std::vector<int64_t>{2, 3, 65535}));
  EXPECT_EQ(corpus.sequence_at(2), 0);
  EXPECT_EQ(corpus.sequence_at(3), 1);
}

TEST_F(CorpusTest, EveryTruncationOfTheIndexIsADataError) {
  const std::string whole = small_index();
  write_file(at("c.bin"), std::string(8, '\0'));
  for (size_t size = 0; size < whole.size(); ++size) {
    write_file(at("c.idx"), whole.substr(0, size));
    EXPECT_THROW(IndexedCorpus corpus(at("c")), DataError) << size;
  }
  write_file(at("c.idx"), whole);
  write_file(at("c.bin"), std::string(7, '\0'));
  EXPECT_THROW(IndexedCorpus corpus(at("c")), DataError);
}

TEST_F(CorpusTest, RefusesIndexesThatPointOutside) {
  write_file(at("c.bin"), std::string(8, '\0'));
  const std::vector<std::pair<size_t, char>> edits{{0, 'X'}, {9, 2}, {17, 7}, {34, 9}, {42, 3}, {58, 1}, {74, 9}};
  for (const auto& [place, value] : edits) {
    std::string text = small_index();
    text[place] = value;
    write_file(at("c.idx"), text);
    EXPECT_THROW(IndexedCorpus corpus(at("c")), DataError) << place;
  }
}

TEST_F(CorpusTest, TokenizesTheSameWithAnyThreads) {
  const auto tokenizer = tokenizer::Tokenizer::from_file(quickstart_);
  TokenizeOptions options;
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "And line " + std::to_string(i) + " was long.\n";
  write_file(at("text.txt"), text);
  options.inputs = {at("text.txt")};
  options.lines_per_document = 20;
  options.holdout = 0.2;
  for (int64_t threads : {1, 3}) {
    options.threads = threads;
    options.output = at("out" + std::to_string(threads));
    const auto report = tokenize_corpus(tokenizer, options);
    EXPECT_EQ(report.train_documents + report.valid_documents, 150);
    EXPECT_GT(report.valid_documents, 10);
  }
  for (const char* part : {"_train.bin", "_train.idx", "_valid.bin", "_valid.idx"}) {
    EXPECT_EQ(read_file(at("out1") + part), read_file(at("out3") + part)) << part;
  }
  const IndexedCorpus corpus(at("out1_train"));
  const auto ids = corpus.read(0, corpus.length(0));
  EXPECT_EQ(ids.back(), 0);
}

TEST_F(CorpusTest, BadRecordsAreNamedOrSkipped) {
  const auto tokenizer = tokenizer::Tokenizer::from_file(quickstart_);
  write_file(at("a.jsonl"), "{\"text\": \"one\"}\n\n{\"other\": 1}\n{\"text\": \"two\"}\n{\"text\": 3}\n{\"te");
  TokenizeOptions options;
  options.inputs = {at("a.jsonl")};
  options.output = at("a");
  try {
    tokenize_corpus(tokenizer, options);
    FAIL() << "a bad record went through";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("a.jsonl:3: no field `text`"), std::string::npos) << error.what();
  }
  EXPECT_FALSE(fs::exists(at("a.idx")));
  options.bad_records = BadRecord::skip;
  const auto report = tokenize_corpus(tokenizer, options);
  EXPECT_EQ(report.train_documents, 2);
  EXPECT_EQ(report.skipped, 3);
}

TEST_F(CorpusTest, ReadsCompressedTextAndRefusesCutOffOne) {
  const std::string text = read_text(quickstart_ + "/kjv.txt.zst");
  EXPECT_EQ(text.substr(0, 16), "In the beginning");
  EXPECT_EQ(text.size(), 4137849u);
  const std::string packed = read_file(quickstart_ + "/kjv.txt.zst");
  write_file(at("cut.txt.zst"), packed.substr(0, packed.size() / 2));
  EXPECT_THROW(read_text(at("cut.txt.zst")), DataError);
}

TEST(Holdout, IsTheDocumentedRule) {
  int64_t held = 0;
  for (int64_t i = 0; i < 1556; ++i) held += held_out(i, 0.05, 1234);
  EXPECT_EQ(held, 73);
  EXPECT_FALSE(held_out(0, 0.0, 1));
}

TEST_F(CorpusTest, ReadsNpyAndRefusesOthers) {
  const auto npy = [&](const std::string& header, const std::string& data) {
    std::string text{"\x93NUMPY\1\0", 8};
    const auto size = static_cast<uint16_t>(header.size());
    text.append(reinterpret_cast<const char*>(&size), 2);
    write_file(at("a.npy"), text + header + data);
  };
  npy("{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2), }\n", std::string("\1\0\xff\xff\3\0\4\0", 8));
  const NpyRows rows(at("a.npy"));
  EXPECT_EQ(rows.row(0), (std::vector<int64_t>{1, -1}));
  EXPECT_EQ(rows.row(1), (std::vector<int64_t>{3, 4}));
  for (const char* header : {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 2), }",
                             "{'descr': '<i2', 'fortran_order': False, 'shape': (4,), }", "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }",
                             "{'descr': '>i2', 'fortran_order': False, 'shape': (2, 2), }", ""}) {
    npy(header, std::string(8, '\0'));
    EXPECT_THROW(NpyRows bad(at("a.npy")), DataError) << header;
  }
}

TEST(KneserNey, ProbabilitiesAddUpAndMatchAHandCount) {
  // Pairs of 0 1 0 1 2: (0,1)×2, (1,0), (1,2). n1 = 2, n2 = 1: D = 0.5. Continuations: 0:1, 1:1, 2:1, 3:0: D1 = 1.
  const KneserNeyBigram model({0, 1, 0, 1, 2}, 4);
  const double lower_seen = 0.0 / 3 + 1.0 * 3 / 3 * 0.25;
  EXPECT_NEAR(model.probability(0, 1), 1.5 / 2 + 0.5 * 1 / 2 * lower_seen, 1e-15);
  EXPECT_NEAR(model.probability(1, 3), 0.5 * 2 / 2 * 0.25, 1e-15);
  for (int64_t previous = 0; previous < 4; ++previous) {
    double sum = 0;
    for (int64_t next = 0; next < 4; ++next) sum += model.probability(previous, next);
    EXPECT_NEAR(sum, 1.0, 1e-12) << previous;
  }
  EXPECT_NEAR(model.cross_entropy({0, 1, 3}), -(std::log(model.probability(0, 1)) + std::log(model.probability(1, 3))) / 2, 1e-12);
}

}  // namespace
}  // namespace loongforge::corpus
