// SPDX-License-Identifier: Apache-2.0
#include "loongforge/data/builtin.h"

#include <algorithm>

#include "cached_text.h"
#include "loongforge/core/error.h"
#include "loongforge/corpus/records.h"
#include "loongforge/corpus/sft.h"
#include "loongforge/corpus/sources.h"
#include "loongforge/spec/components/decoder.h"
#include "rows_dataset.h"

namespace loongforge::data {

namespace {

/// Number of ids that the model has rows for; 0 for families without a vocabulary.
int64_t vocabulary_of(const spec::ModelSpec& model) {
  const auto* decoder = dynamic_cast<const spec::DecoderConfig*>(model.config.get());
  return decoder ? decoder->vocab_size : 0;
}

std::unique_ptr<corpus::SampleSource> document_source(const std::string& prefix, const BuiltinRequest& request,
                                                      int64_t vocabulary) {
  auto reader = std::make_shared<const corpus::IndexedReader>(prefix, vocabulary);
  if (!request.packing) return corpus::make_documents(std::move(reader), request.seq_length);
  return corpus::make_windows(std::move(reader), request.seq_length,
                              request.reset_positions ? corpus::Documents::packed : corpus::Documents::joined);
}

corpus::Truncation truncation_of(const std::string& name) {
  if (name == "left") return corpus::Truncation::left;
  if (name == "drop") return corpus::Truncation::drop;
  if (name == "error") return corpus::Truncation::error;
  return corpus::Truncation::right;
}

void add_conversations(Sources& sources, const std::string& prefix, const BuiltinRequest& request,
                       const std::vector<std::string>& files, int64_t vocabulary) {
  corpus::SftRows rows;
  rows.seq_length = request.seq_length;
  rows.truncation = truncation_of(request.conversations.truncation);
  rows.packing = request.packing;
  rows.buffer = request.conversations.pack_buffer;
  rows.seed = request.seed;
  rows.shuffle = request.shuffle;
  corpus::SftRowCounts counts;
  sources.parts.push_back(corpus::make_sft_rows(prefix, vocabulary, rows, files, &counts));
  sources.summary += fmt::format("{}{}: {}", sources.summary.empty() ? "" : "\n",
                                 request.validation ? "validation" : "training", counts.summary(request.seq_length));
}

/// Prefixes of the indexed datasets that an entry names: itself, or a pattern's matches.
std::vector<std::string> indexed_prefixes(const std::string& entry) {
  if (entry.find_first_of("*?[{") == std::string::npos) return {entry};
  auto files = corpus::expand_files({entry.ends_with(".idx") ? entry : entry + ".idx"});
  for (auto& file : files) file.resize(file.size() - 4);
  return files;
}

/// Sources of some entries of data.train or data.valid.
void add_sources(Sources& sources, const std::vector<std::string>& entries, const BuiltinRequest& request, Part part,
                 int64_t vocabulary) {
  if (request.kind == "indexed") {
    for (const auto& entry : entries) {
      for (const auto& prefix : indexed_prefixes(entry))
        sources.parts.push_back(document_source(prefix, request, vocabulary));
    }
    return;
  }
  const bool other_split = request.validation && part == Part::whole;
  const auto files = corpus::expand_files(entries, other_split ? "validation" : "train");
  if (request.kind == "tokens") {
    for (const auto& file : files) sources.parts.push_back(corpus::make_npy_rows(file, vocabulary));
  } else if (request.kind == "sft") {
    add_conversations(sources, cached_conversations(request, files, part), request, files, vocabulary);
  } else {
    sources.parts.push_back(document_source(cached_documents(request, files, part), request, vocabulary));
  }
}

std::shared_ptr<const Dataset> blended(const BuiltinRequest& request, Part part, int64_t vocabulary) {
  if (request.weights.size() != request.train.size()) {
    throw ConfigError(fmt::format("data.weights has {} numbers for the {} entries of data.train",
                                  request.weights.size(), request.train.size()),
                      "give each entry of data.train a weight");
  }
  Sources sources;
  std::vector<double> weights;
  for (size_t i = 0; i < request.train.size(); ++i) {
    const size_t before = sources.parts.size();
    add_sources(sources, {request.train[i]}, request, part, vocabulary);
    double samples = 0;
    for (size_t s = before; s < sources.parts.size(); ++s) {
      if (sources.parts[s]->size() == 0)
        throw DataError(fmt::format("{} holds no sample", request.train[i]), "remove it from data.train");
      samples += static_cast<double>(sources.parts[s]->size());
    }
    // The files behind one entry share its weight by their samples.
    for (size_t s = before; s < sources.parts.size(); ++s) {
      const double share = request.weights[i] * static_cast<double>(sources.parts[s]->size()) / samples;
      weights.push_back(request.weight_by == "tokens" ? share / sources.parts[s]->mean_length() : share);
    }
  }
  return make_blended_dataset(std::move(sources), weights);
}

}  // namespace

std::vector<std::string> builtin_kinds() { return {"text", "jsonl", "sft", "indexed", "tokens"}; }

std::shared_ptr<const Dataset> make_builtin(const BuiltinRequest& request, const spec::ModelSpec& model) {
  const bool cached = request.kind == "text" || request.kind == "jsonl" || request.kind == "sft";
  const bool split = cached && request.valid.empty() && request.valid_fraction > 0;
  if (request.validation && request.valid.empty() && !split) return nullptr;
  const Part part = !split ? Part::whole : request.validation ? Part::valid : Part::train;
  const auto& entries = request.validation && !split ? request.valid : request.train;
  if (entries.empty()) throw ConfigError("data.train names no file", "data.train=[FILE, …]");
  const int64_t vocabulary = vocabulary_of(model);
  if (!request.weights.empty() && !request.validation) return blended(request, part, vocabulary);
  Sources sources;
  add_sources(sources, entries, request, part, vocabulary);
  return make_rows_dataset(std::move(sources));
}

}  // namespace loongforge::data
