// SPDX-License-Identifier: Apache-2.0
#include "documents.h"

#include <simdjson.h>

#include "loongforge/core/error.h"
#include "loongforge/corpus/byte_stream.h"
#include "loongforge/corpus/text_file.h"

namespace loongforge::corpus {

namespace {

/// Cuts after every `lines` line ends and keeps every byte, so that the parts joined are the file.
class PlainText final : public RecordReader {
 public:
  PlainText(const std::filesystem::path& path, int64_t lines) : text_(read_text(path)), lines_(lines) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }
  bool next(Record& record) override {
    if (at_ >= text_.size()) return false;
    size_t end = lines_ > 0 ? at_ : text_.size();
    int64_t count = 0;
    while (count < lines_ && end < text_.size()) {
      const size_t line_end = text_.find('\n', end);
      end = line_end == std::string::npos ? text_.size() : line_end + 1;
      ++count;
    }
    record.json.assign(text_, at_, end - at_);
    record.number = line_;
    at_ = end, line_ += count;
    return true;
  }
  int64_t position() const override { return static_cast<int64_t>(at_); }
  int64_t size() const override { return static_cast<int64_t>(text_.size()); }

 private:
  std::string text_;
  int64_t lines_, line_ = 1;
  size_t at_ = 0;
};

}  // namespace

std::unique_ptr<RecordReader> open_plain_text(const std::filesystem::path& path, int64_t lines) {
  return std::make_unique<PlainText>(path, lines);
}

std::string record_text(std::string_view record, const std::string& key, std::string& problem) {
  thread_local simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(record);
  simdjson::ondemand::document json;
  if (const auto error = parser.iterate(padded).get(json)) {
    problem = simdjson::error_message(error);
    return {};
  }
  std::string_view text;
  if (const auto error = json[key].get_string().get(text)) {
    problem = error == simdjson::NO_SUCH_FIELD ? fmt::format("no field `{}`", key)
                                               : fmt::format("field `{}`: {}", key, simdjson::error_message(error));
    return {};
  }
  return std::string(text);
}

}  // namespace loongforge::corpus
