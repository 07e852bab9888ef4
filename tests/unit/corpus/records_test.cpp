// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/records.h"

#include <gmock/gmock.h>

#include "loongforge/corpus/byte_stream.h"
#include "loongforge/corpus/tokenize.h"
#include "support/archives.h"
#include "support/temp_folder.h"

namespace loongforge::corpus {
namespace {

using test::data_error;
using test::gzipped;
using test::tar_member;
using test::zstd;
using testing::ElementsAre;
using testing::HasSubstr;

class Records : public test::TempFolder {
 protected:
  static std::vector<std::string> all(const std::string& file) {
    std::vector<std::string> records;
    const auto reader = open_records(file);
    Record record;
    while (reader->next(record)) records.push_back(fmt::format("{} {}", record.number, record.json));
    return records;
  }
};

const std::string kLines = "\xEF\xBB\xBF{\"a\": 1}\r\n\n  \t\n{\"a\": 2}\n{\"a\": 3}";

TEST_F(Records, LinesOfPlainAndCompressedFiles) {
  for (const auto& file :
       {write("a.jsonl", kLines), write("a.jsonl.gz", gzipped(kLines)), write("b.jsonl.zst", zstd(kLines)),
        write("two.jsonl.zst", zstd(kLines.substr(0, 9)) + zstd(kLines.substr(9)))}) {
    EXPECT_THAT(all(file), ElementsAre("1 {\"a\": 1}", "4 {\"a\": 2}", "5 {\"a\": 3}")) << file;
  }
}

TEST_F(Records, LinesLongerThanTheReadersBuffer) {
  const std::string huge(5 << 20, 'x');
  LineReader lines(write("a.txt", huge + "\nend\n"));
  std::string line;
  ASSERT_TRUE(lines.next(line));
  EXPECT_EQ(line, huge);
  ASSERT_TRUE(lines.next(line));
  EXPECT_EQ(line, "end");
  EXPECT_EQ(lines.number(), 2);
  EXPECT_FALSE(lines.next(line));
}

TEST_F(Records, JsonArraysAndJsonLinesUnderOneSuffix) {
  EXPECT_THAT(all(write("a.json", " \n [{\"a\": 1},\n {\"a\": [2, null]}]\n")),
              ElementsAre("1 {\"a\":1}", "2 {\"a\":[2,null]}"));
  EXPECT_THAT(all(write("b.json", "{\"a\": 1}\n{\"a\": 2}\n")), ElementsAre("1 {\"a\": 1}", "2 {\"a\": 2}"));
  EXPECT_THAT(data_error([&] { all(write("c.json", "[{\"a\": 1},\n {\"a\"")); }), HasSubstr("c.json:2"));
}

TEST_F(Records, CutOffFilesAreNamed) {
  std::string many;
  for (int i = 0; i < 20000; ++i) many += fmt::format("{{\"text\": \"{}\"}}\n", i * 7919 % 10007);
  for (const auto& [name, whole] : {std::pair{"a.jsonl.gz", gzipped(many)},
                                    {"a.jsonl.zst", zstd(many)},
                                    {"a.tar", tar_member("k1.json", "{}") + tar_member("k2.txt", many)}}) {
    for (size_t keep : {size_t{0}, size_t{1}, whole.size() / 2, whole.size() - 1}) {
      if (name == std::string("a.tar") && (keep == 0 || keep == whole.size() - 1))
        continue;  // an empty archive; padding
      const std::string what =
          data_error([&, &name = name, &whole = whole] { all(write(name, whole.substr(0, keep))); });
      EXPECT_THAT(what, HasSubstr(name)) << keep;
    }
  }
}

TEST_F(Records, TarSamplesAreGroupedByKey) {
  const std::string tar = tar_member("d/one.json", "{\"a\": 1}") + tar_member("d/one.txt", "hi\xff") +
                          tar_member("d/one.seg.jpg", "JPEG") + tar_member("d/two.jpg", "JPEG") +
                          tar_member("d/three.txt", "") + tar_member("d/four.json", "[1]") + std::string(1024, '\0');
  EXPECT_THAT(all(write("a.tar", tar)), ElementsAre("1 {\"a\":1,\"text\":\"hi\xEF\xBF\xBD\",\"__key__\":\"d/one\"}",
                                                    "3 {\"text\":\"\",\"__key__\":\"d/three\"}", "4 [1]"));
  EXPECT_THAT(all(write("a.tar.gz", gzipped(tar))).size(), 3u);
  EXPECT_THAT(all(write("a.tar.zst", zstd(tar))).size(), 3u);
}

TEST_F(Records, GarbageNeverCrashes) {
  uint32_t state = 1;
  for (const char* name : {"a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.tar", "a.json", "a.tar.gz"}) {
    for (int round = 0; round < 30; ++round) {
      std::string garbage = round % 3 == 0   ? tar_member("x.json", "{\"a\": 1}")
                            : round % 3 == 1 ? zstd(kLines)
                                             : gzipped(kLines);
      for (int i = 0; i < 8; ++i) {
        state = state * 1664525 + 1013904223;
        garbage[state % garbage.size()] = static_cast<char>(state >> 24);
      }
      data_error([&] { all(write(name, garbage)); });
    }
  }
}

TEST_F(Records, EntriesExpandToSortedFiles) {
  for (const char* name : {"b.jsonl", "a.jsonl", "c.jsonl.gz", "notes.md", "sub/d.txt"})
    write("set/" + std::string(name), "x");
  const auto names = [&](const std::string& entry, const std::string& split = "train") {
    std::vector<std::string> found;
    for (const auto& file : expand_files({at(entry)}, split)) found.push_back(file.substr(at("").size()));
    return found;
  };
  EXPECT_THAT(names("set/*.jsonl"), ElementsAre("set/a.jsonl", "set/b.jsonl"));
  EXPECT_THAT(names("set/{b,a}.jsonl"), ElementsAre("set/a.jsonl", "set/b.jsonl"));
  EXPECT_THAT(names("set"), ElementsAre("set/a.jsonl", "set/b.jsonl", "set/c.jsonl.gz", "set/sub/d.txt"));
  write("saved/train/state.json", R"({"_data_files": [{"filename": "data-1.arrow"}, {"filename": "data-0.arrow"}]})");
  write("saved/dataset_dict.json", R"({"splits": ["train"]})");
  EXPECT_THAT(names("saved"), ElementsAre("saved/train/data-1.arrow", "saved/train/data-0.arrow"));
  EXPECT_THAT(data_error([&] { names("saved", "validation"); }), HasSubstr("no split `validation`"));
  EXPECT_THAT(data_error([&] { names("set/*.parquet"); }), HasSubstr("no such file"));
  write("empty/readme.md", "x");
  EXPECT_THAT(data_error([&] { names("empty"); }), HasSubstr("holds no data file"));
  write("broken/state.json", "{\"_data_files\": 3}");
  EXPECT_THAT(data_error([&] { names("broken"); }), HasSubstr("_data_files"));
  try {
    names("set/a.jsnl");
  } catch (const DataError& error) {
    EXPECT_THAT(error.hint(), HasSubstr("a.jsonl"));
  }
}

TEST_F(Records, DocumentsOfEverySourceAreTheSame) {
  const auto tokenizer = tokenizer::Tokenizer::from_file(LF_SOURCE_DIR "/examples/quickstart");
  const std::string lines = "{\"text\": \"In the beginning\"}\n{\"text\": \"God created\"}\n";
  const std::string tar = tar_member("0.txt", "In the beginning") + tar_member("1.json", "{\"text\": \"God created\"}");
  std::string first;
  for (const auto& file : {write("a.jsonl", lines), write("a.jsonl.zst", zstd(lines)), write("a.tar", tar),
                           write("a.json", "[" + lines.substr(0, 28) + "," + lines.substr(28) + "]")}) {
    TokenizeOptions options{.inputs = {file}, .output = at("out")};
    EXPECT_EQ(tokenize_corpus(tokenizer, options).train_documents, 2) << file;
    if (first.empty()) first = read_file(at("out.bin"));
    EXPECT_EQ(read_file(at("out.bin")), first) << file;
  }
}

}  // namespace
}  // namespace loongforge::corpus
