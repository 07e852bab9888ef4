// SPDX-License-Identifier: Apache-2.0
// Megatron's indexed datasets: PREFIX.bin (ids back to back) and PREFIX.idx (lengths, offsets, documents).
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "loongforge/core/files.h"

namespace loongforge::corpus {

/// Element types of the format, by its codes. Megatron takes uint16 below 65,500 entries, else int32.
enum class IdType : uint8_t { u8 = 1, i8 = 2, i16 = 3, i32 = 4, i64 = 5, u16 = 8 };
size_t id_size(IdType type);
IdType indexed_dtype(int64_t vocab_size);

/// PREFIX.bin or PREFIX.idx.
std::filesystem::path bin_path(const std::filesystem::path& prefix);
std::filesystem::path idx_path(const std::filesystem::path& prefix);

/// A read-only, memory-mapped dataset. Everything in the index is checked on opening; safe from many threads.
class IndexedReader {
 public:
  /// `vocab_size` > 0: reading an id that is not below it is a DataError naming sequence and position.
  explicit IndexedReader(std::filesystem::path prefix, int64_t vocab_size = 0);

  int64_t sequences() const { return sequences_; }
  int64_t documents() const { return documents_ - 1; }
  int64_t tokens() const { return static_cast<int64_t>(bin_.size() / id_size(type_)); }
  IdType type() const { return type_; }
  int64_t length(int64_t sequence) const;
  /// First sequence of a document; document `documents()` gives `sequences()`.
  int64_t document_begin(int64_t document) const;
  /// Appends `count` ids of `sequence` from `begin`.
  void read(int64_t sequence, int64_t begin, int64_t count, std::vector<int32_t>& out) const;
  std::vector<int32_t> sequence(int64_t sequence) const;

 private:
  void parse_index();
  [[noreturn]] void damaged(const std::string& what) const;
  int64_t offset(int64_t sequence) const;

  std::filesystem::path prefix_;
  int64_t vocab_size_;
  MappedFile bin_, idx_;
  IdType type_ = IdType::i32;
  int64_t sequences_ = 0, documents_ = 0;
  size_t lengths_at_ = 0, offsets_at_ = 0, documents_at_ = 0;
};

/// Writes a dataset byte for byte as Megatron does; both files appear under their names only by `finish`.
class IndexedWriter {
 public:
  IndexedWriter(std::filesystem::path prefix, IdType type);
  /// Appends one document of one sequence.
  void add_document(std::span<const int32_t> ids);
  /// Index last: a dataset with an index is whole.
  void finish();
  int64_t total() const { return tokens_; }
  int64_t documents() const { return static_cast<int64_t>(lengths_.size()); }

 private:
  std::filesystem::path prefix_;
  IdType type_;
  AtomicFile bin_;
  std::vector<int32_t> lengths_;
  int64_t tokens_ = 0;
};

}  // namespace loongforge::corpus
