// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "loongforge/core/error.h"
#include "loongforge/corpus/holdout.h"
#include "loongforge/corpus/indexed.h"
#include "loongforge/corpus/npy.h"
#include "loongforge/corpus/text_file.h"
#include "loongforge/corpus/tokenize.h"

namespace loongforge::corpus {
namespace {

namespace fs = std::filesystem;

class CorpusFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              ("corpus_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string at(const std::string& name) const { return (folder_ / name).string(); }
  fs::path folder_;
  const std::string quickstart_ = LF_SOURCE_DIR "/examples/quickstart";
};

TEST_F(CorpusFiles, TokenizesTheSameWithAnyThreads) {
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
  const IndexedReader corpus(at("out1_train"));
  const auto ids = corpus.sequence(0);
  EXPECT_EQ(ids.back(), 0);
}

TEST_F(CorpusFiles, ReadsCompressedTextAndRefusesCutOffOne) {
  const std::string text = read_text(quickstart_ + "/kjv.txt.zst");
  EXPECT_EQ(text.substr(0, 16), "In the beginning");
  EXPECT_EQ(text.size(), 4137849u);
  const std::string packed = read_file(quickstart_ + "/kjv.txt.zst");
  write_file(at("cut.txt.zst"), packed.substr(0, packed.size() / 2));
  EXPECT_THROW(read_text(at("cut.txt.zst")), DataError);
}

TEST_F(CorpusFiles, ReadsNpyAndRefusesOthers) {
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
  for (const char* header : {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }",
                             "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 2), }",
                             "{'descr': '<i2', 'fortran_order': False, 'shape': (4,), }",
                             "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }",
                             "{'descr': '>i2', 'fortran_order': False, 'shape': (2, 2), }", ""}) {
    npy(header, std::string(8, '\0'));
    EXPECT_THROW(NpyRows bad(at("a.npy")), DataError) << header;
  }
}

TEST(Holdout, IsTheDocumentedRule) {
  int64_t held = 0;
  for (int64_t i = 0; i < 1556; ++i) held += held_out(i, 0.05, 1234);
  EXPECT_EQ(held, 73);
  EXPECT_FALSE(held_out(0, 0.0, 1));
}

}  // namespace
}  // namespace loongforge::corpus
