// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/byte_stream.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/core/text.h"

namespace loongforge::corpus {

namespace {

constexpr size_t kChunk = size_t{1} << 20;
constexpr size_t kLongestLine = size_t{1} << 30;

[[noreturn]] void damaged(const std::filesystem::path& path, const std::string& why) {
  throw DataError(fmt::format("{}: {}", path.string(), why), "the file is damaged or was cut off; fetch it again");
}

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(const std::filesystem::path& path) : file_(path) {}
  size_t read(char* out, size_t size) override {
    const size_t count = std::min(size, file_.size() - at_);
    if (count > 0) std::memcpy(out, file_.bytes().data() + at_, count);
    at_ += count;
    return count;
  }
  int64_t position() const override { return static_cast<int64_t>(at_); }

 private:
  MappedFile file_;
  size_t at_ = 0;
};

class ZstdStream final : public ByteStream {
 public:
  explicit ZstdStream(const std::filesystem::path& path)
      : path_(path), file_(path), context_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
    in_ = {file_.bytes().data(), file_.size(), 0};
  }
  size_t read(char* out, size_t size) override {
    ZSTD_outBuffer to{out, size, 0};
    while (to.pos < to.size && (left_ != 0 || in_.pos < in_.size)) {
      const size_t before = to.pos, taken = in_.pos;
      left_ = ZSTD_decompressStream(context_.get(), &to, &in_);
      if (ZSTD_isError(left_)) damaged(path_, ZSTD_getErrorName(left_));
      if (to.pos == before && in_.pos == taken) break;
    }
    if (to.pos == 0 && left_ != 0) damaged(path_, "the compressed data ends too early");
    return to.pos;
  }
  int64_t position() const override { return static_cast<int64_t>(in_.pos); }

 private:
  std::filesystem::path path_;
  MappedFile file_;
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_;
  ZSTD_inBuffer in_{};
  size_t left_ = 1;  // an empty file is cut off too
};

class GzipStream final : public ByteStream {
 public:
  explicit GzipStream(const std::filesystem::path& path) : path_(path), file_(nullptr, gzclose) {
    const MappedFile probe(path);  // a missing file gets the usual error
    if (probe.size() < 2) damaged(path, "the compressed data ends too early");
    if (!probe.text().starts_with("\x1f\x8b")) damaged(path, "not gzip data");  // which zlib would pass on as text
    file_.reset(gzopen(path.c_str(), "rb"));
    if (!file_) damaged(path, "cannot be opened");
  }
  size_t read(char* out, size_t size) override {
    const int got = gzread(file_.get(), out, static_cast<unsigned>(std::min(size, kChunk)));
    if (got > 0) return static_cast<size_t>(got);
    int code = Z_OK;
    const char* message = gzerror(file_.get(), &code);
    if (got < 0 || code != Z_OK) damaged(path_, code == Z_BUF_ERROR ? "the compressed data ends too early" : message);
    return 0;
  }
  int64_t position() const override { return static_cast<int64_t>(gzoffset(file_.get())); }

 private:
  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, decltype(&gzclose)> file_;
};

}  // namespace

std::unique_ptr<ByteStream> open_bytes(const std::filesystem::path& path) {
  if (path.extension() == ".zst") return std::make_unique<ZstdStream>(path);
  if (path.extension() == ".gz") return std::make_unique<GzipStream>(path);
  return std::make_unique<PlainStream>(path);
}

LineReader::LineReader(const std::filesystem::path& path) : path_(path.string()), stream_(open_bytes(path)) {
  buffer_.resize(kChunk);
}

bool LineReader::fill() {
  try {
    at_ = 0;
    size_ = stream_->read(buffer_.data(), buffer_.size());
  } catch (const DataError& error) {
    if (number_ == 0) throw;
    throw DataError(fmt::format("{} (after line {})", error.what(), number_), error.hint());
  }
  return size_ > 0;
}

bool LineReader::next(std::string& line) {
  line.clear();
  bool any = false, ended = false;
  while (!ended && (at_ < size_ || fill())) {
    any = true;
    const char* begin = buffer_.data() + at_;
    const auto* end = static_cast<const char*>(std::memchr(begin, '\n', size_ - at_));
    ended = end != nullptr;
    const size_t count = ended ? static_cast<size_t>(end - begin) : size_ - at_;
    if (line.size() + count > kLongestLine) {
      throw DataError(fmt::format("{}:{}: the line is longer than {}", path_, number_ + 1, format_bytes(kLongestLine)),
                      "records stand one a line; is this a file of another kind?");
    }
    line.append(begin, count);
    at_ += count + (ended ? 1 : 0);
  }
  if (!any) return false;
  if (ended && line.ends_with('\r')) line.pop_back();
  if (++number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
  return true;
}

}  // namespace loongforge::corpus
