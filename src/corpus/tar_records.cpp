// SPDX-License-Identifier: Apache-2.0
#include <archive.h>
#include <archive_entry.h>

#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/core/json.h"
#include "readers.h"

namespace loongforge::corpus {

namespace {

constexpr int64_t kLargestMember = int64_t{1} << 30;

class TarRecords final : public RecordReader {
 public:
  explicit TarRecords(const std::filesystem::path& path)
      : path_(path.string()), file_(path), archive_(archive_read_new(), archive_read_free) {
    archive_read_support_format_tar(archive_.get());
    archive_read_support_format_empty(archive_.get());
    archive_read_support_filter_gzip(archive_.get());
    archive_read_support_filter_zstd(archive_.get());
    check(archive_read_open_memory(archive_.get(), file_.bytes().data(), file_.size()));
    more_ = advance();
  }

  bool next(Record& record) override {
    while (more_) {
      const std::string key = key_;
      Json fields = Json::object();
      bool any = false;
      for (; more_ && key_ == key; more_ = advance()) any = add_member(fields) || any;
      ++number_;
      if (!any) continue;  // nothing that is text
      fields["__key__"] = key;
      record.json = fields.dump(-1, ' ', false, Json::error_handler_t::replace);
      if (!problem_.empty()) record.json = std::exchange(problem_, {});
      record.number = number_;
      record.key = key;
      return true;
    }
    return false;
  }
  int64_t position() const override { return archive_filter_bytes(archive_.get(), -1); }
  int64_t size() const override { return static_cast<int64_t>(file_.size()); }

 private:
  void check(la_ssize_t code) {
    if (code >= ARCHIVE_WARN) return;
    const char* why = archive_error_string(archive_.get());
    throw DataError(fmt::format("{}: {}{}", path_, why ? why : "not a tar file",
                                name_.empty() ? "" : fmt::format(" (at member {})", name_)),
                    "the file is damaged or was cut off; fetch it again");
  }

  /// To the next regular member: its name, cut at the first dot of the last part, is the sample's key.
  bool advance() {
    archive_entry* entry = nullptr;
    while (true) {
      const int code = archive_read_next_header(archive_.get(), &entry);
      if (code == ARCHIVE_EOF) return false;
      check(code);
      if (archive_entry_filetype(entry) == AE_IFREG) break;
    }
    const char* name = archive_entry_pathname(entry);
    name_ = name ? name : "";
    member_size_ = archive_entry_size(entry);
    const size_t slash = name_.rfind('/'), begin = slash == std::string::npos ? 0 : slash + 1;
    const size_t dot = name_.find('.', begin);
    key_ = name_.substr(0, dot);
    extension_ = dot == std::string::npos ? "" : name_.substr(dot + 1);
    return true;
  }

  bool add_member(Json& fields) {
    if (extension_ != "json" && extension_ != "txt") return false;
    if (member_size_ > kLargestMember) throw DataError(fmt::format("{}: member {} is too large", path_, name_));
    std::string content(static_cast<size_t>(member_size_), '\0');
    const la_ssize_t got = archive_read_data(archive_.get(), content.data(), content.size());
    check(got);
    if (got != static_cast<la_ssize_t>(content.size())) {
      throw DataError(fmt::format("{}: member {} is cut off", path_, name_), "fetch the file again");
    }
    if (extension_ == "txt") {
      fields["text"] = std::move(content);
      return true;
    }
    const Json object = Json::parse(content, nullptr, /*allow_exceptions=*/false);
    if (object.is_object()) {
      fields.update(object);
    } else {
      problem_ = content.empty() ? "(empty)" : std::move(content);  // told as the bad record that it is
    }
    return true;
  }

  std::string path_;
  MappedFile file_;
  std::unique_ptr<archive, decltype(&archive_read_free)> archive_;
  std::string name_, key_, extension_, problem_;
  int64_t member_size_ = 0, number_ = 0;
  bool more_ = false;
};

}  // namespace

std::unique_ptr<RecordReader> open_tar(const std::filesystem::path& path) { return std::make_unique<TarRecords>(path); }

}  // namespace loongforge::corpus
