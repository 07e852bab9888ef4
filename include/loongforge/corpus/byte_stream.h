// SPDX-License-Identifier: Apache-2.0
// Files from front to back, unpacked on the way, in bounded memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace loongforge::corpus {

/// The bytes of a plain, `.gz` or `.zst` file. Every call may throw DataError: unreadable, damaged, ends too early.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Up to `size` bytes; fewer than asked for only at the end, 0 after it.
  virtual size_t read(char* out, size_t size) = 0;
  /// Bytes of the file itself taken so far: against its size, how far the reading is.
  virtual int64_t position() const = 0;
};

/// Opens by the file's last suffix.
std::unique_ptr<ByteStream> open_bytes(const std::filesystem::path& path);

/// Lines of such a file. LF and CRLF both end a line; a byte-order mark at the beginning is no part of the text.
class LineReader {
 public:
  explicit LineReader(const std::filesystem::path& path);
  /// The next line without its end; false after the last. DataError names the file and the line reached.
  bool next(std::string& line);
  /// Number of the line that `next` gave last, from 1.
  int64_t number() const { return number_; }
  int64_t position() const { return stream_->position(); }

 private:
  bool fill();

  std::string path_;
  std::unique_ptr<ByteStream> stream_;
  std::string buffer_;
  size_t at_ = 0, size_ = 0;
  int64_t number_ = 0;
};

}  // namespace loongforge::corpus
