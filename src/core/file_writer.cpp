// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "loongforge/core/failpoint.h"
#include "loongforge/core/files.h"

namespace loongforge {
namespace fs = std::filesystem;
namespace {

constexpr size_t kBufferSize = size_t{1} << 20;

void fsync_or_throw(int fd, const fs::path& path, FileRole role) {
  while (::fsync(fd) != 0) {
    if (errno == EINTR) continue;
    // Special files (/dev/stdout, pipes) have nothing to sync.
    if (errno == EINVAL || errno == EROFS || errno == ENOTSUP) return;
    throw_file_error(role, "write", path, errno);
  }
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

}  // namespace

FileWriter::FileWriter(fs::path path, FileRole role) : path_(std::move(path)), role_(role) {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) throw_file_error(role_, "write", path_, errno);
  buffer_.reserve(kBufferSize);
}

FileWriter::~FileWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void FileWriter::write(const void* data, size_t size) {
  LF_ASSERT(fd_ >= 0, "{} is finished", path_.string());
  failpoint("file_write");
  auto bytes = static_cast<const char*>(data);
  checksum_.update(bytes, size);
  size_ += size;
  if (buffer_.size() + size > kBufferSize) {
    write_through(buffer_.data(), buffer_.size());
    buffer_.clear();
  }
  if (size > kBufferSize) return write_through(bytes, size);
  buffer_.insert(buffer_.end(), bytes, bytes + size);
}

void FileWriter::write_through(const char* data, size_t size) {
  while (size > 0) {
    ssize_t put = ::write(fd_, data, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw_file_error(role_, "write", path_, errno);
    data += put, size -= static_cast<size_t>(put);
  }
}

void FileWriter::finish() {
  LF_ASSERT(fd_ >= 0, "{} is finished", path_.string());
  write_through(buffer_.data(), buffer_.size());
  buffer_ = {};
  fsync_or_throw(fd_, path_, role_);
  // Network file systems report a full disk only here.
  if (::close(std::exchange(fd_, -1)) != 0 && errno != EINTR) throw_file_error(role_, "write", path_, errno);
}

AtomicFile::AtomicFile(fs::path path, FileRole role)
    : path_(std::move(path)), role_(role), writer_(path_.string() + ".tmp", role) {}

AtomicFile::~AtomicFile() {
  std::error_code ignored;
  if (!committed_) fs::remove(writer_.path(), ignored);
}

void AtomicFile::commit() {
  writer_.finish();
  failpoint("before_rename");
  if (::rename(writer_.path().c_str(), path_.c_str()) != 0) throw_file_error(role_, "write", path_, errno);
  committed_ = true;
  fsync_dir(folder_of(path_), role_);
}

void write_file(const fs::path& path, std::string_view text, FileRole role) {
  AtomicFile file(path, role);
  file.write(text);
  file.commit();
}

void fsync_dir(const fs::path& folder, FileRole role) {
  int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw_file_error(role, "sync", folder, errno);
  int status = ::fsync(fd), error = errno;
  ::close(fd);
  if (status != 0 && error != EINVAL && error != ENOTSUP && error != EROFS)
    throw_file_error(role, "sync", folder, error);
}

void make_folders(const fs::path& folder, FileRole role) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error && !fs::is_directory(folder, error)) error = std::make_error_code(std::errc::not_a_directory);
  if (error) throw_file_error(role, "create the folder", folder, error.value());
}

}  // namespace loongforge
