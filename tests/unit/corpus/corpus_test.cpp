// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <numeric>
#include <set>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/corpus/holdout.h"
#include "loongforge/corpus/indexed.h"
#include "loongforge/corpus/ngram.h"
#include "loongforge/corpus/sources.h"
#include "loongforge/corpus/tokenize.h"

namespace loongforge::corpus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
const std::string kQuickstart = std::string(LF_SOURCE_DIR) + "/examples/quickstart/";

class Corpus : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              fmt::format("lf_corpus_{}_{}", getpid(), testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::shared_ptr<const IndexedReader> make(const std::vector<std::vector<int32_t>>& documents, int64_t vocab = 100) {
    IndexedWriter writer(path("c"), indexed_dtype(vocab));
    for (const auto& ids : documents) writer.add_document(ids);
    writer.finish();
    return std::make_shared<IndexedReader>(path("c"), vocab);
  }
  std::filesystem::path folder_;
};

std::string data_error(const std::function<void()>& run) {
  try {
    run();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

TEST_F(Corpus, ANameOfOneOfItsFilesStandsForBoth) {
  make({{1, 2, 3}});
  EXPECT_EQ(IndexedReader(path("c.bin"), 100).documents(), 1);
  EXPECT_EQ(IndexedReader(path("c.idx"), 100).documents(), 1);
  EXPECT_THAT(data_error([&] { IndexedReader(path("other.bin"), 100); }), HasSubstr("other.bin is not there"));
}

TEST_F(Corpus, IndexHasMegatronsBytes) {
  make({{1, 2, 3}, {4}});
  using namespace std::string_literals;
  EXPECT_EQ(read_file(path("c.bin")), "\1\0\2\0\3\0\4\0"s);
  EXPECT_EQ(read_file(path("c.idx")), "MMIDIDX\0\0"s + "\1\0\0\0\0\0\0\0"s + "\10"s + "\2\0\0\0\0\0\0\0"s +
                                          "\3\0\0\0\0\0\0\0"s + "\3\0\0\0\1\0\0\0"s +
                                          "\0\0\0\0\0\0\0\0\6\0\0\0\0\0\0\0"s +
                                          "\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"s);
}

TEST_F(Corpus, DamagedIndexesAreRefused) {
  make({{1, 2, 3}, {4}});
  std::string index = read_file(path("c.idx")), ids = read_file(path("c.bin"));
  auto open_with = [&](const std::string& text) {
    write_file(path("c.idx"), text);
    return data_error([&] { IndexedReader(path("c")); });
  };
  for (size_t size = 0; size < index.size(); ++size) EXPECT_NE(open_with(index.substr(0, size)), "no error") << size;
  for (size_t at = 0; at < index.size(); ++at) {  // any flipped byte is refused or still reads within bounds
    std::string flipped = index;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x81);
    write_file(path("c.idx"), flipped);
    data_error([&] {
      IndexedReader reader(path("c"));
      for (int64_t s = 0; s < reader.sequences(); ++s) reader.sequence(s);
    });
  }
  EXPECT_EQ(open_with(index), "no error");
  write_file(path("c.bin"), ids.substr(0, 7));
  EXPECT_THAT(open_with(index), HasSubstr("lies outside c.bin"));
}

TEST_F(Corpus, IdsBeyondTheVocabularyAreRefusedWhenRead) {
  make({{1, 2}, {3, 99}});
  IndexedReader reader(path("c"), 99);
  EXPECT_THAT(reader.sequence(0), ElementsAre(1, 2));
  EXPECT_THAT(data_error([&] { reader.sequence(1); }), HasSubstr("id 99 at position 1 of sequence 1"));
}

TEST_F(Corpus, WindowsCoverTheStream) {
  auto corpus = make({{1, 2, 3}, {4}, {5, 6, 7, 8}, {9}});
  auto joined = make_windows(corpus, 4, Documents::joined);
  ASSERT_EQ(joined->size(), 2);
  Sample sample = joined->get(1);
  EXPECT_THAT(sample.ids, ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(sample.labels, ElementsAre(6, 7, 8, 9));
  EXPECT_THAT(sample.loss_weights, ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(sample.document_lengths, ElementsAre(4));
  auto packed = make_windows(corpus, 4, Documents::packed);
  EXPECT_THAT(packed->get(0).document_lengths, ElementsAre(3, 1));
  EXPECT_THAT(packed->get(0).loss_weights, ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(packed->get(1).loss_weights, ElementsAre(1, 1, 1, 0));
  EXPECT_THROW(make_windows(corpus, 9, Documents::joined), DataError);
}

TEST_F(Corpus, DocumentsAloneAndInParts) {
  auto corpus = make({{1, 2, 3, 4, 5}, {6}});
  auto whole = make_documents(corpus);
  ASSERT_EQ(whole->size(), 2);
  EXPECT_THAT(whole->get(1).loss_weights, ElementsAre(0));
  auto parts = make_documents(corpus, 2);
  ASSERT_EQ(parts->size(), 4);
  EXPECT_THAT(parts->get(1).ids, ElementsAre(3, 4));
  EXPECT_THAT(parts->get(1).labels, ElementsAre(4, 5));
  EXPECT_THAT(parts->get(2).loss_weights, ElementsAre(0));
}

TEST_F(Corpus, NpyRowsAreSamplesAsTheyAre) {
  std::string header = "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3), }";
  header.resize(118, ' ');
  std::string file = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(118) + '\0' + header +
                     std::string("\1\0\2\0\3\0\4\0\5\0\6\0", 12);
  write_file(path("a.npy"), file);
  auto rows = make_npy_rows(path("a.npy"), 6);
  EXPECT_EQ(rows->size(), 2);
  EXPECT_THAT(rows->get(0).ids, ElementsAre(1, 2, 3));
  EXPECT_THAT(rows->get(0).loss_weights, ElementsAre(1, 1, 0));
  EXPECT_THAT(data_error([&] { rows->get(1); }), HasSubstr("id 6 in row 1"));
  write_file(path("a.npy"), file.substr(0, file.size() - 1));
  EXPECT_THAT(data_error([&] { make_npy_rows(path("a.npy")); }), HasSubstr("truncated"));
}

TEST(SampleOrder, EveryEpochIsItsOwnPermutation) {
  SampleOrder order(7, 101);
  std::vector<int64_t> epochs[2];
  for (int64_t p = 0; p < 202; ++p) epochs[p / 101].push_back(order(p));
  EXPECT_EQ(std::set<int64_t>(epochs[0].begin(), epochs[0].end()).size(), 101u);
  EXPECT_EQ(std::set<int64_t>(epochs[1].begin(), epochs[1].end()).size(), 101u);
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_EQ(SampleOrder(7, 101, false)(103), 2);
  EXPECT_THROW(SampleOrder(7, 0), DataError);
}

TEST_F(Corpus, ShippedTextSplitsAsTheTokenizersTraining) {
  auto tokenizer = tokenizer::Tokenizer::from_file(kQuickstart);
  TokenizeOptions options{.inputs = {kQuickstart + "kjv.txt.zst"},
                          .output = path("one"),
                          .lines_per_document = 20,
                          .holdout = 0.05,
                          .threads = 1};
  auto report = tokenize_corpus(tokenizer, options);
  EXPECT_EQ(report.train_documents, 1483);  // as tools/oracle/train_quickstart_tokenizer.py prints
  EXPECT_EQ(report.train_ids, 1070299);
  EXPECT_EQ(report.valid_documents, 73);
  EXPECT_EQ(report.valid_ids, 53080);
  options.output = path("three"), options.threads = 3;
  tokenize_corpus(tokenizer, options);
  for (std::string part : {"_train.bin", "_train.idx", "_valid.bin", "_valid.idx"})
    EXPECT_EQ(read_file(path("one" + part)), read_file(path("three" + part)));
}

TEST_F(Corpus, BadRecordsAreNamedByFileAndLine) {
  auto tokenizer = tokenizer::Tokenizer::from_file(kQuickstart);
  write_file(path("a.jsonl"), "{\"text\": \"one\"}\n\n{\"txt\": 1}\n{broken\n{\"text\": \"two\"}\n");
  TokenizeOptions options{.inputs = {path("a.jsonl")}, .output = path("out")};
  EXPECT_THAT(data_error([&] { tokenize_corpus(tokenizer, options); }), HasSubstr("a.jsonl:3: "));
  EXPECT_FALSE(std::filesystem::exists(path("out.idx")));
  options.bad_records = BadRecord::skip;
  auto report = tokenize_corpus(tokenizer, options);
  EXPECT_EQ(report.train_documents, 2);
  EXPECT_EQ(report.skipped, 2);
  EXPECT_THAT(report.skipped_records, ElementsAre(HasSubstr(":3: "), HasSubstr(":4: ")));
}

// a b a b a c over {a, b, c, d}: pairs ab 2, ba 2, ac 1; D = 1/(1+2*2) = 0.2; continuations a 1, b 1, c 1, so D' = 1.
TEST(KneserNey, TinyCaseByHand) {
  KneserNeyBigram model({0, 1, 0, 1, 0, 2}, 4);
  double lower = 0.25;  // max(1 - 1, 0) / 3 + 1 * 3 / 3 * 1/4
  EXPECT_NEAR(model.probability(0, 1), 1.8 / 3 + 0.2 * 2 / 3 * lower, 1e-15);
  EXPECT_NEAR(model.probability(0, 3), 0.2 * 2 / 3 * lower, 1e-15);
  EXPECT_NEAR(model.probability(3, 0), lower, 1e-15);  // a context never seen
  double sum = 0;
  for (int64_t next = 0; next < 4; ++next) sum += model.probability(0, next);
  EXPECT_NEAR(sum, 1, 1e-15);
  EXPECT_NEAR(model.cross_entropy({0, 1, 0}),
              -(std::log(model.probability(0, 1)) + std::log(model.probability(1, 0))) / 2, 1e-15);
}

}  // namespace
}  // namespace loongforge::corpus
