// SPDX-License-Identifier: Apache-2.0
// Reading and writing files so that damage is impossible or noticed: whole reads, read-only maps, atomic replacement,
// and a front-to-back writer with a streamed checksum.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loongforge/core/checksum.h"
#include "loongforge/core/error.h"

namespace loongforge {

/// Whose fault a missing or unreadable file is: picks the error type (and the exit code) of a failed open or read.
enum class FileRole { data, checkpoint, config };

/// Throws DataError, CheckpointError or ConfigError by `role`, with "cannot <verb> <path>: <reason of errno>".
/// Full or read-only disks, exhausted quotas, and memory or handles running out are a ResourceError in every role.
[[noreturn]] void throw_file_error(FileRole role, std::string_view verb, const std::filesystem::path& path, int error);

/// The whole file as bytes.
std::string read_file(const std::filesystem::path& path, FileRole role = FileRole::data);

/// A read-only memory map of a whole file. Movable; empty files give an empty span.
/// The file must not be truncated by others while mapped.
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const std::filesystem::path& path, FileRole role = FileRole::data);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  size_t size() const { return size_; }
  /// Tells the kernel that the range will be read soon (`soon`) or not again (drops clean pages of it).
  void advise(size_t offset, size_t length, bool soon) const;

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// Writes a file front to back, checksummed on the way; buffered. Bytes are on disk only after `finish()`.
class FileWriter {
 public:
  /// Creates or truncates `path` (its folder must be there).
  explicit FileWriter(std::filesystem::path path, FileRole role = FileRole::checkpoint);
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  /// Closes without syncing when not finished; the file is then incomplete.
  ~FileWriter();

  void write(const void* data, size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Flushes, fsyncs, closes. No writes after it.
  void finish();

  uint64_t size() const { return size_; }
  uint64_t digest() const { return checksum_.digest(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  void write_through(const char* data, size_t size);

  std::filesystem::path path_;
  FileRole role_;
  int fd_ = -1;
  uint64_t size_ = 0;
  Checksum checksum_;
  std::vector<char> buffer_;
};

/// A file that appears under its name whole or not at all: written to `<path>.tmp`, fsynced, renamed, folder fsynced.
/// Not committed means that the temporary file is removed.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path, FileRole role = FileRole::checkpoint);
  ~AtomicFile();
  void write(std::string_view text) { writer_.write(text); }
  void write(const void* data, size_t size) { writer_.write(data, size); }
  FileWriter& writer() { return writer_; }
  void commit();

 private:
  std::filesystem::path path_;
  FileRole role_;
  FileWriter writer_;
  bool committed_ = false;
};

/// Replaces `path` by `text` atomically.
void write_file(const std::filesystem::path& path, std::string_view text, FileRole role = FileRole::checkpoint);
/// Makes renames, creations and removals in `folder` durable. Folders of file systems that cannot are left alone.
void fsync_dir(const std::filesystem::path& folder, FileRole role = FileRole::checkpoint);
/// Creates `folder` and its parents; present is fine. Throws like a failed write.
void make_folders(const std::filesystem::path& folder, FileRole role = FileRole::checkpoint);

}  // namespace loongforge
