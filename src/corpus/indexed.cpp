// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/indexed.h"

#include <cstring>

#include "loongforge/core/failpoint.h"

namespace loongforge::corpus {
namespace {

constexpr std::string_view kMagic("MMIDIDX\0\0", 9);
constexpr size_t kHeader = 9 + 8 + 1 + 8 + 8;

template <class T>
T load(const MappedFile& file, size_t at) {
  T value;
  std::memcpy(&value, file.bytes().data() + at, sizeof value);
  return value;
}

template <class T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
int64_t load_id(const std::byte* base, int64_t i) {
  T value;
  std::memcpy(&value, base + static_cast<size_t>(i) * sizeof value, sizeof value);
  return static_cast<int64_t>(value);
}

int64_t load_id(IdType type, const std::byte* base, int64_t i) {
  switch (type) {
    case IdType::u8: return load_id<uint8_t>(base, i);
    case IdType::i8: return load_id<int8_t>(base, i);
    case IdType::i16: return load_id<int16_t>(base, i);
    case IdType::u16: return load_id<uint16_t>(base, i);
    case IdType::i32: return load_id<int32_t>(base, i);
    default: return load_id<int64_t>(base, i);
  }
}

std::filesystem::path with_ending(std::filesystem::path prefix, const char* ending) { return prefix += ending; }

std::filesystem::path in_made_folder(const std::filesystem::path& path) {
  if (path.has_parent_path()) make_folders(path.parent_path(), FileRole::data);
  return path;
}

}  // namespace

size_t id_size(IdType type) {
  switch (type) {
    case IdType::u8:
    case IdType::i8: return 1;
    case IdType::i16:
    case IdType::u16: return 2;
    case IdType::i32: return 4;
    default: return 8;
  }
}

IdType indexed_dtype(int64_t vocab_size) { return vocab_size < 65500 ? IdType::u16 : IdType::i32; }
std::filesystem::path bin_path(const std::filesystem::path& prefix) { return with_ending(prefix, ".bin"); }
std::filesystem::path idx_path(const std::filesystem::path& prefix) { return with_ending(prefix, ".idx"); }

namespace {

/// The prefix when its files are there; the name of one of them stands for both.
std::filesystem::path present(std::filesystem::path prefix) {
  const auto ending = prefix.extension();
  if ((ending == ".bin" || ending == ".idx") && !std::filesystem::exists(bin_path(prefix))) prefix.replace_extension();
  for (const auto& file : {bin_path(prefix), idx_path(prefix)}) {
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) continue;
    throw DataError(
        fmt::format("{} is not there", file.string()),
        "name a corpus by its path, with or without .bin/.idx; `loongforge data tokenize` makes one (tools/quickstart.sh the quickstart's)");
  }
  return prefix;
}

}  // namespace

IndexedReader::IndexedReader(std::filesystem::path prefix, int64_t vocab_size)
    : prefix_(present(std::move(prefix))), vocab_size_(vocab_size), bin_(bin_path(prefix_)), idx_(idx_path(prefix_)) {
  parse_index();
}

void IndexedReader::damaged(const std::string& what) const {
  throw DataError(fmt::format("{}: {}", idx_path(prefix_).string(), what),
                  "make the data set again: loongforge data tokenize");
}

void IndexedReader::parse_index() {
  if (idx_.size() < kHeader || !idx_.text().starts_with(kMagic)) damaged("not an indexed data set (no MMIDIDX header)");
  if (auto version = load<uint64_t>(idx_, 9); version != 1)
    damaged(fmt::format("version {} is not supported", version));
  auto code = load<uint8_t>(idx_, 17);
  if (code == 0 || code == 6 || code == 7 || code > 8) damaged(fmt::format("element type {} holds no ids", code));
  type_ = static_cast<IdType>(code);
  auto sequences = load<uint64_t>(idx_, 18), documents = load<uint64_t>(idx_, 26);
  // Bounds first, so that the products below cannot overflow. Multimodal indexes have one mode byte a sequence more.
  if (sequences > idx_.size() || documents > idx_.size()) damaged("truncated");
  size_t needed = kHeader + 12 * sequences + 8 * documents;
  if (idx_.size() != needed && idx_.size() != needed + sequences)
    damaged(fmt::format("has {} bytes where {} sequences and {} documents need {}", idx_.size(), sequences, documents,
                        needed));
  sequences_ = static_cast<int64_t>(sequences), documents_ = static_cast<int64_t>(documents);
  lengths_at_ = kHeader, offsets_at_ = lengths_at_ + 4 * sequences, documents_at_ = offsets_at_ + 8 * sequences;
  if (documents_ < 1 || document_begin(0) != 0 || document_begin(documents_ - 1) != sequences_)
    damaged("its documents don't cover the sequences");
  for (int64_t d = 1; d < documents_; ++d)
    if (document_begin(d) < document_begin(d - 1)) damaged(fmt::format("document {} ends before it begins", d - 1));
  auto size = static_cast<int64_t>(bin_.size()), unit = static_cast<int64_t>(id_size(type_));
  for (int64_t s = 0; s < sequences_; ++s) {
    int64_t begin = offset(s), count = length(s);
    if (count < 0 || begin < 0 || begin % unit != 0 || begin > size || count > (size - begin) / unit)
      damaged(fmt::format("sequence {} ({} ids at byte {}) lies outside {} of {} bytes", s, count, begin,
                          bin_path(prefix_).filename().string(), size));
  }
}

int64_t IndexedReader::length(int64_t s) const { return load<int32_t>(idx_, lengths_at_ + 4 * static_cast<size_t>(s)); }
int64_t IndexedReader::offset(int64_t s) const { return load<int64_t>(idx_, offsets_at_ + 8 * static_cast<size_t>(s)); }
int64_t IndexedReader::document_begin(int64_t d) const {
  return load<int64_t>(idx_, documents_at_ + 8 * static_cast<size_t>(d));
}

void IndexedReader::read(int64_t s, int64_t begin, int64_t count, std::vector<int32_t>& out) const {
  LF_ASSERT(s >= 0 && s < sequences_ && begin >= 0 && count >= 0 && begin + count <= length(s));
  const std::byte* base = bin_.bytes().data() + offset(s);
  int64_t limit = vocab_size_ > 0 ? vocab_size_ : int64_t{1} << 31;
  for (int64_t i = begin; i < begin + count; ++i) {
    int64_t id = load_id(type_, base, i);
    if (id < 0 || id >= limit)
      throw DataError(fmt::format("{}: id {} at position {} of sequence {} is not below the vocabulary's {}",
                                  bin_path(prefix_).string(), id, i, s, limit),
                      "was it made with this model's tokenizer?");
    out.push_back(static_cast<int32_t>(id));
  }
}

std::vector<int32_t> IndexedReader::sequence(int64_t s) const {
  std::vector<int32_t> ids;
  read(s, 0, length(s), ids);
  return ids;
}

IndexedWriter::IndexedWriter(std::filesystem::path prefix, IdType type)
    : prefix_(std::move(prefix)), type_(type), bin_(in_made_folder(bin_path(prefix_)), FileRole::data) {}

void IndexedWriter::add_document(std::span<const int32_t> ids) {
  std::string bytes;
  bytes.reserve(ids.size() * id_size(type_));
  for (int32_t id : ids) bytes.append(reinterpret_cast<const char*>(&id), std::min<size_t>(4, id_size(type_)));
  LF_ASSERT(id_size(type_) <= 4, "ids of 8 bytes are read, not written");
  bin_.write(bytes);
  lengths_.push_back(static_cast<int32_t>(ids.size()));
  tokens_ += static_cast<int64_t>(ids.size());
}

void IndexedWriter::finish() {
  std::string index(kMagic);
  append<uint64_t>(index, 1);
  append<uint8_t>(index, static_cast<uint8_t>(type_));
  append<uint64_t>(index, lengths_.size());
  append<uint64_t>(index, lengths_.size() + 1);
  index.append(reinterpret_cast<const char*>(lengths_.data()), lengths_.size() * 4);
  int64_t offset = 0;
  for (int32_t length : lengths_) {
    append<int64_t>(index, offset);
    offset += length * static_cast<int64_t>(id_size(type_));
  }
  for (size_t d = 0; d <= lengths_.size(); ++d) append<int64_t>(index, static_cast<int64_t>(d));
  std::filesystem::remove(idx_path(prefix_));  // an old index must never meet the new ids
  bin_.commit();
  failpoint("corpus_before_index");
  write_file(idx_path(prefix_), index, FileRole::data);
}

}  // namespace loongforge::corpus
