// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/text_file.h"

#include <zlib.h>
#include <zstd.h>

#include <memory>
#include <vector>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"

namespace loongforge::corpus {

namespace {

[[noreturn]] void damaged(const std::filesystem::path& path, const std::string& why) {
  throw DataError(fmt::format("{}: {}", path.string(), why), "the file is damaged or was cut off; fetch it again");
}

std::string unpack_zstd(const std::filesystem::path& path) {
  const MappedFile file(path);
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  std::string text;
  std::vector<char> chunk(ZSTD_DStreamOutSize());
  ZSTD_inBuffer in{file.bytes().data(), file.size(), 0};
  size_t left = 1;
  while (in.pos < in.size || left != 0) {
    ZSTD_outBuffer out{chunk.data(), chunk.size(), 0};
    left = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(left)) damaged(path, ZSTD_getErrorName(left));
    text.append(chunk.data(), out.pos);
    if (in.pos == in.size && out.pos < out.size) break;
  }
  if (left != 0) damaged(path, "the compressed data ends too early");
  return text;
}

std::string unpack_gzip(const std::filesystem::path& path) {
  const MappedFile probe(path);  // a missing file gets the usual error
  const std::unique_ptr<gzFile_s, decltype(&gzclose)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) damaged(path, "cannot be opened");
  std::string text;
  std::vector<char> chunk(1 << 20);
  int got = 0;
  while ((got = gzread(file.get(), chunk.data(), static_cast<unsigned>(chunk.size()))) > 0) {
    text.append(chunk.data(), static_cast<size_t>(got));
  }
  int code = Z_OK;
  const char* message = gzerror(file.get(), &code);
  if (got < 0 || code != Z_OK) damaged(path, code == Z_BUF_ERROR ? "the compressed data ends too early" : message);
  return text;
}

}  // namespace

std::string read_text(const std::filesystem::path& path) {
  if (path.extension() == ".zst") return unpack_zstd(path);
  if (path.extension() == ".gz") return unpack_gzip(path);
  return read_file(path);
}

}  // namespace loongforge::corpus
