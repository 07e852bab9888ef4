// SPDX-License-Identifier: Apache-2.0
// Integer .npy files of shape [samples, length] (NumPy format 1.0 to 3.0), memory-mapped.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "loongforge/core/files.h"

namespace loongforge::corpus {

class NpyRows {
 public:
  /// Throws DataError: no .npy, not two-dimensional, not C order, not a little-endian integer type, truncated.
  explicit NpyRows(const std::string& path);
  int64_t rows() const { return rows_; }
  int64_t length() const { return length_; }
  std::vector<int64_t> row(int64_t index) const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  MappedFile file_;
  size_t data_ = 0;  // offset
  char kind_ = 'i';
  int size_ = 8;
  int64_t rows_ = 0, length_ = 0;
};

}  // namespace loongforge::corpus
