// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/sources.h"

#include <algorithm>

#include "corpus/sample_from.h"
#include "loongforge/core/error.h"
#include "loongforge/corpus/npy.h"

namespace loongforge::corpus {
namespace {

class Windows final : public SampleSource {
 public:
  Windows(std::shared_ptr<const IndexedReader> corpus, int64_t seq_length, Documents documents)
      : corpus_(std::move(corpus)), seq_length_(seq_length), documents_(documents) {
    begins_.push_back(0);
    for (int64_t s = 0; s < corpus_->sequences(); ++s) begins_.push_back(begins_.back() + corpus_->length(s));
    if (begins_.back() <= seq_length)
      throw DataError(fmt::format("the corpus has {} ids, fewer than one sample of {}", begins_.back(), seq_length + 1),
                      "shorten data.seq_length or give more text");
    for (int64_t d = 0; d < corpus_->documents(); ++d)
      document_begins_.push_back(begins_[static_cast<size_t>(corpus_->document_begin(d))]);
  }

  int64_t size() const override { return (begins_.back() - 1) / seq_length_; }
  double mean_length() const override { return static_cast<double>(seq_length_); }

  Sample get(int64_t index) const override {
    LF_ASSERT(index >= 0 && index < size());
    int64_t begin = index * seq_length_;
    std::vector<int32_t> ids = read(begin, seq_length_ + 1);
    std::vector<int32_t> lengths{static_cast<int32_t>(seq_length_)};
    if (documents_ == Documents::packed) lengths = cut(begin, begin + seq_length_);
    Sample sample = sample_from(static_cast<uint64_t>(index), std::move(ids), std::move(lengths), true);
    bool next_is_other = std::binary_search(document_begins_.begin(), document_begins_.end(), begin + seq_length_);
    if (documents_ == Documents::packed && next_is_other) sample.loss_weights.back() = 0;
    return sample;
  }

 private:
  std::vector<int32_t> read(int64_t begin, int64_t count) const {
    std::vector<int32_t> ids;
    ids.reserve(static_cast<size_t>(count));
    auto after = std::upper_bound(begins_.begin(), begins_.end(), begin);
    for (int64_t s = after - begins_.begin() - 1; count > 0; ++s) {
      int64_t from = begin - begins_[static_cast<size_t>(s)], here = std::min(count, corpus_->length(s) - from);
      corpus_->read(s, from, here, ids);
      begin += here, count -= here;
    }
    return ids;
  }

  std::vector<int32_t> cut(int64_t begin, int64_t end) const {
    std::vector<int32_t> lengths;
    int64_t last = begin;
    auto next = std::upper_bound(document_begins_.begin(), document_begins_.end(), begin);
    for (; next != document_begins_.end() && *next < end; ++next) {
      if (*next > last) lengths.push_back(static_cast<int32_t>(*next - last));
      last = *next;
    }
    lengths.push_back(static_cast<int32_t>(end - last));
    return lengths;
  }

  std::shared_ptr<const IndexedReader> corpus_;
  int64_t seq_length_;
  Documents documents_;
  std::vector<int64_t> begins_, document_begins_;  // in ids from the corpus's start
};

struct Part {
  int64_t sequence, begin, count;
};

class WholeDocuments final : public SampleSource {
 public:
  WholeDocuments(std::shared_ptr<const IndexedReader> corpus, int64_t max_length) : corpus_(std::move(corpus)) {
    for (int64_t s = 0; s < corpus_->sequences(); ++s) {
      int64_t length = corpus_->length(s), step = max_length > 0 ? max_length : std::max<int64_t>(length, 1);
      for (int64_t begin = 0; begin < length; begin += step)
        parts_.push_back({s, begin, std::min(step, length - begin)});
    }
  }
  int64_t size() const override { return static_cast<int64_t>(parts_.size()); }
  double mean_length() const override {
    return static_cast<double>(corpus_->tokens()) / static_cast<double>(std::max<size_t>(parts_.size(), 1));
  }
  Sample get(int64_t index) const override {
    const Part& part = parts_.at(static_cast<size_t>(index));
    bool more = part.begin + part.count < corpus_->length(part.sequence);
    std::vector<int32_t> ids;
    corpus_->read(part.sequence, part.begin, part.count + (more ? 1 : 0), ids);
    return sample_from(static_cast<uint64_t>(index), std::move(ids), {static_cast<int32_t>(part.count)}, more);
  }

 private:
  std::shared_ptr<const IndexedReader> corpus_;
  std::vector<Part> parts_;
};

class TableRows final : public SampleSource {
 public:
  TableRows(const std::string& path, int64_t vocab_size)
      : rows_(path), limit_(vocab_size > 0 ? vocab_size : int64_t{1} << 31) {}
  int64_t size() const override { return rows_.rows(); }
  double mean_length() const override { return static_cast<double>(rows_.length()); }
  Sample get(int64_t index) const override {
    std::vector<int32_t> ids;
    for (int64_t id : rows_.row(index)) {
      if (id < 0 || id >= limit_)
        throw DataError(
            fmt::format("{}: id {} in row {} is not below the vocabulary's {}", rows_.path(), id, index, limit_));
      ids.push_back(static_cast<int32_t>(id));
    }
    auto length = static_cast<int32_t>(ids.size());
    return sample_from(static_cast<uint64_t>(index), std::move(ids), {length}, false);
  }

 private:
  NpyRows rows_;
  int64_t limit_;
};

}  // namespace

Sample sample_from(uint64_t id, std::vector<int32_t> ids, std::vector<int32_t> document_lengths, bool has_next) {
  Sample sample;
  sample.id = id;
  if (!ids.empty()) sample.labels.assign(ids.begin() + 1, ids.end());
  if (has_next) ids.pop_back();
  sample.ids = std::move(ids);
  sample.loss_weights.assign(sample.ids.size(), 1.0);
  if (!has_next && !sample.ids.empty()) {
    sample.labels.push_back(0);
    sample.loss_weights.back() = 0;
  }
  size_t end = 0;
  for (size_t d = 0; d + 1 < document_lengths.size(); ++d) {
    end += static_cast<size_t>(document_lengths[d]);
    sample.loss_weights[end - 1] = 0;
  }
  sample.document_lengths = std::move(document_lengths);
  return sample;
}

std::unique_ptr<SampleSource> make_windows(std::shared_ptr<const IndexedReader> corpus, int64_t seq_length,
                                           Documents documents) {
  LF_ASSERT(seq_length > 0);
  return std::make_unique<Windows>(std::move(corpus), seq_length, documents);
}

std::unique_ptr<SampleSource> make_documents(std::shared_ptr<const IndexedReader> corpus, int64_t max_length) {
  return std::make_unique<WholeDocuments>(std::move(corpus), max_length);
}

std::unique_ptr<SampleSource> make_npy_rows(const std::filesystem::path& path, int64_t vocab_size) {
  return std::make_unique<TableRows>(path.string(), vocab_size);
}

}  // namespace loongforge::corpus
