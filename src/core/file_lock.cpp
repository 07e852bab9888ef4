// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/core/log.h"
#include "loongforge/core/text.h"

namespace loongforge {

FileLock::FileLock(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (fd_ < 0) throw_file_error(FileRole::checkpoint, "open", path, errno);
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    if (error != EWOULDBLOCK) {
      log_warning("{} can't be locked ({}): make sure that no other run uses this folder", path.string(),
                  std::strerror(error));
      return;
    }
    ::close(fd_);
    throw ResourceError(fmt::format("{} is in use by process {}", path.parent_path().string(), trim(read_file(path))),
                        "wait for that run, stop it, or choose another run.output_dir");
  }
  const std::string process = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd_, 0) != 0 || ::write(fd_, process.data(), process.size()) < 0) {
    const int error = errno;
    ::close(fd_);
    throw_file_error(FileRole::checkpoint, "write", path, error);
  }
}

FileLock::~FileLock() { ::close(fd_); }

}  // namespace loongforge
