// SPDX-License-Identifier: Apache-2.0
// Records: what JSONL, JSON arrays, tar shards, Parquet and Arrow files hold, as JSON objects one after another.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace loongforge::corpus {

/// What to do with a record that can't be used: stop the run, or count it and go on.
enum class BadRecord { fail, skip };

/// One record, not yet parsed.
struct Record {
  std::string json;    ///< text of an object; JSONL lines are given as they stand
  int64_t number = 0;  ///< its place in the file from 1: line of JSONL, row of tables, sample of an archive
  std::string key;     ///< name of an archive's sample; else empty
};

/// A file's records from front to back.
class RecordReader {
 public:
  virtual ~RecordReader() = default;
  /// The next record; false after the last. DataError, naming the place reached, when the file itself is damaged.
  virtual bool next(Record& record) = 0;
  /// How much of `size()` is read: bytes or rows, for telling progress.
  virtual int64_t position() const = 0;
  virtual int64_t size() const = 0;
};

/// "file:number", with the key of an archive's sample in brackets.
std::string place_of(const std::string& file, const Record& record);

/// Does the name say that the file holds records (and not plain text)? `.jsonl .json .parquet .arrow .tar`, the
/// textual ones and tar also as `.gz`, `.zst`.
bool holds_records(const std::filesystem::path& path);

/// Opens by the name's suffix, `.json` by content (an array of objects, or one object a line). Tar shards follow
/// WebDataset: members `key.ext` that stand together are one sample, a `.json` object gives its fields, `.txt` the
/// field "text"; other members are passed over. Parquet and Arrow need liblf_arrow.so (ResourceError without it).
std::unique_ptr<RecordReader> open_records(const std::filesystem::path& path);

/// The files behind the entries of data.train: a file, a shell pattern (`*`, `?`, `[a-z]`, `{a,b}`), a folder saved by
/// Hugging Face `datasets` (of a DatasetDict the split `split`), or a folder of data files, in sorted order. Throws
/// DataError for entries that name nothing.
std::vector<std::string> expand_files(const std::vector<std::string>& entries, const std::string& split = "train");

}  // namespace loongforge::corpus
