// SPDX-License-Identifier: Apache-2.0
// Ways to cut a corpus into samples of a fixed length, and `.npy` tables of ids.
#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "loongforge/corpus/indexed.h"
#include "loongforge/corpus/sample.h"

namespace loongforge::corpus {

/// How windows treat the documents in them.
enum class Documents {
  joined,  ///< one stream: attention and labels cross document ends (GPT's way)
  packed   ///< document_lengths give the boundaries; no label crosses one
};

/// Windows of seq_length + 1 ids over the documents back to back; sample i begins at id i * seq_length. No padding:
/// what does not fill the last window is left out. A corpus shorter than one window is a DataError.
std::unique_ptr<SampleSource> make_windows(std::shared_ptr<const IndexedReader> corpus, int64_t seq_length,
                                           Documents documents);

/// Each document alone, in whole: the last id has no label. Documents longer than `max_length` (if > 0) are cut into
/// parts.
std::unique_ptr<SampleSource> make_documents(std::shared_ptr<const IndexedReader> corpus, int64_t max_length = 0);

/// Integer `.npy` `[samples, length]`, little-endian, C order, memory-mapped: row i is sample i as it is, the last id
/// of a row has no label. DataError for another type, shape or order, a truncated file, and ids outside [0, vocab_size)
/// (if > 0).
std::unique_ptr<SampleSource> make_npy_rows(const std::filesystem::path& path, int64_t vocab_size = 0);

}  // namespace loongforge::corpus
