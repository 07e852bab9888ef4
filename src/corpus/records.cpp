// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/records.h"

#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "loongforge/core/json.h"
#include "loongforge/corpus/byte_stream.h"
#include "loongforge/corpus/text_file.h"
#include "readers.h"

namespace loongforge::corpus {

namespace {

namespace fs = std::filesystem;

bool blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

class LineRecords final : public RecordReader {
 public:
  explicit LineRecords(const fs::path& path) : lines_(path), size_(static_cast<int64_t>(fs::file_size(path))) {}
  bool next(Record& record) override {
    while (lines_.next(record.json)) {
      if (blank(record.json)) continue;
      record.number = lines_.number();
      return true;
    }
    return false;
  }
  int64_t position() const override { return lines_.position(); }
  int64_t size() const override { return size_; }

 private:
  LineReader lines_;
  int64_t size_;
};

class ArrayRecords final : public RecordReader {
 public:
  explicit ArrayRecords(const fs::path& path) : array_(parse_json(read_text(path), path.string())) {}
  bool next(Record& record) override {
    if (at_ == array_.size()) return false;
    record.json = array_[at_].dump();
    record.number = static_cast<int64_t>(++at_);
    return true;
  }
  int64_t position() const override { return static_cast<int64_t>(at_); }
  int64_t size() const override { return static_cast<int64_t>(array_.size()); }

 private:
  Json array_;
  size_t at_ = 0;
};

/// Suffix without a compression's; "shard.jsonl.zst" gives ".jsonl".
std::string kind_suffix(fs::path path) {
  if (path.extension() == ".gz" || path.extension() == ".zst") path = path.stem();
  return path.extension().string();
}

bool begins_an_array(const fs::path& path) {
  LineReader lines(path);
  std::string line;
  while (lines.next(line)) {
    if (!blank(line)) return line[line.find_first_not_of(" \t\r\n")] == '[';
  }
  return false;
}

}  // namespace

std::string place_of(const std::string& file, const Record& record) {
  return record.key.empty() ? fmt::format("{}:{}", file, record.number)
                            : fmt::format("{}:{} ({})", file, record.number, record.key);
}

bool holds_records(const fs::path& path) {
  const std::string suffix = kind_suffix(path);
  if (suffix == ".parquet" || suffix == ".arrow") return path.extension() == suffix;
  return suffix == ".jsonl" || suffix == ".json" || suffix == ".ndjson" || suffix == ".tar" ||
         path.extension() == ".tgz";
}

std::unique_ptr<RecordReader> open_records(const fs::path& path) {
  const std::string suffix = kind_suffix(path);
  if (suffix == ".tar" || path.extension() == ".tgz") return open_tar(path);
  if (suffix == ".parquet" || suffix == ".arrow") return open_arrow(path);
  if (suffix == ".json" && begins_an_array(path)) return std::make_unique<ArrayRecords>(path);
  return std::make_unique<LineRecords>(path);
}

}  // namespace loongforge::corpus
