// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace loongforge {
namespace fs = std::filesystem;
namespace {

/// An open descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Descriptor open_to_read(const fs::path& path, FileRole role, size_t& size) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0) throw_file_error(role, "read", path, errno);
  if (S_ISDIR(info.st_mode)) throw_file_error(role, "read", path, EISDIR);
  size = static_cast<size_t>(info.st_size);
  return fd;
}

std::string hint_for(int error) {
  switch (error) {
    case ENOSPC: return "free some space on that file system, or point the output elsewhere (run.output_dir)";
    case EDQUOT: return "the disk quota is used up: remove files, or point the output elsewhere (run.output_dir)";
    case EROFS: return "that file system is read-only: point the output elsewhere (run.output_dir)";
    case EACCES:
    case EPERM: return "check the permissions of the file and of its folder";
    case EMFILE:
    case ENFILE: return "too many open files: raise `ulimit -n`";
    case ENOENT: return "check the path";
    case EISDIR: return "a file is needed here, not a folder";
    case ENOTDIR: return "a part of the path is a file, not a folder";
    default: return "";
  }
}

bool is_exhaustion(int error) {
  return error == ENOSPC || error == EDQUOT || error == EROFS || error == ENOMEM || error == EMFILE ||
         error == ENFILE || error == EFBIG;
}

}  // namespace

void throw_file_error(FileRole role, std::string_view verb, const fs::path& path, int error) {
  std::string what = fmt::format("cannot {} {}: {}", verb, path.string(), std::strerror(error)), hint = hint_for(error);
  if (is_exhaustion(error)) throw ResourceError(what, hint);
  switch (role) {
    case FileRole::data: throw DataError(what, hint);
    case FileRole::checkpoint: throw CheckpointError(what, hint);
    case FileRole::config: break;
  }
  throw ConfigError(what, hint);
}

std::string read_file(const fs::path& path, FileRole role) {
  size_t size = 0;
  Descriptor fd = open_to_read(path, role, size);
  std::string bytes(size, '\0');
  size_t done = 0;
  // Pipes and /proc files report no size: read until the end whatever fstat said.
  for (;;) {
    if (done == bytes.size()) bytes.resize(done + (size > 0 && done == size ? 1 : 65536));
    ssize_t got = ::read(fd.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_file_error(role, "read", path, errno);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

MappedFile::MappedFile(const fs::path& path, FileRole role) {
  Descriptor fd = open_to_read(path, role, size_);
  if (size_ == 0) return;
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (address == MAP_FAILED) throw_file_error(role, "map", path, errno);
  data_ = static_cast<const std::byte*>(address);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::advise(size_t offset, size_t length, bool soon) const {
  if (offset >= size_) return;
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE)), start = offset / page * page;
  length = std::min(length, size_ - offset) + (offset - start);
  ::madvise(const_cast<std::byte*>(data_) + start, length, soon ? MADV_WILLNEED : MADV_DONTNEED);
}

}  // namespace loongforge
