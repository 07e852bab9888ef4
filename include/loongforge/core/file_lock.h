// SPDX-License-Identifier: Apache-2.0
// FileLock: one process at a time.
#pragma once
#include <filesystem>

namespace loongforge {

/// Holds an advisory lock on a file until it is destroyed or its process ends, however that happens. The file, which
/// names the process, stays.
class FileLock {
 public:
  /// Creates `path` when needed. Throws ResourceError naming the process that holds the lock. File systems that have no
  /// locks are trusted with a warning.
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace loongforge
