// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/text_file.h"

#include "loongforge/core/files.h"
#include "loongforge/corpus/byte_stream.h"

namespace loongforge::corpus {

std::string read_text(const std::filesystem::path& path) {
  if (path.extension() != ".zst" && path.extension() != ".gz") return read_file(path);
  const auto stream = open_bytes(path);
  std::string text, chunk(size_t{1} << 20, '\0');
  while (const size_t got = stream->read(chunk.data(), chunk.size())) text.append(chunk, 0, got);
  return text;
}

}  // namespace loongforge::corpus
