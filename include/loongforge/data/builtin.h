// SPDX-License-Identifier: Apache-2.0
// The datasets that ship with the library: documents (tokenized once into a cache), Megatron
// .bin/.idx, rows of ids, and blends of them.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "loongforge/data/dataset.h"
#include "loongforge/spec/model_spec.h"

namespace loongforge::data {

struct BuiltinRequest {
  std::string kind;                   ///< one of builtin_kinds()
  std::vector<std::string> train;     ///< files, patterns, folders (corpus::expand_files)
  std::vector<std::string> valid;     ///< the same; empty: `valid_fraction` of train
  std::vector<double> weights;        ///< blend: one for each entry of train; empty: all samples of each
  std::string weight_by = "samples";  ///< or "tokens"
  double valid_fraction = 0;          ///< a fixed pseudo-random part of 20-line blocks, records
  std::string tokenizer;              ///< a tokenizer's file or its folder (text, jsonl)
  int64_t seq_length = 1024;
  bool packing = true;          ///< fill samples with several documents; false: one document a sample
  bool reset_positions = true;  ///< documents of a sample don't see each other; positions restart
  bool shuffle = true;
  std::string text_key = "text";
  bool append_eod = true;
  std::string bad_records = "fail";  ///< or "skip"
  uint64_t seed = 0;
  std::string cache_dir;    ///< where tokenized text is kept
  bool validation = false;  ///< the validation split is wanted
};

/// "text", "jsonl", "indexed", "tokens".
std::vector<std::string> builtin_kinds();
/// nullptr when there is no validation data. Ids are checked against the model's vocabulary.
/// Errors: DataError naming file and place; ConfigError for settings that don't fit.
std::shared_ptr<const Dataset> make_builtin(const BuiltinRequest& request, const spec::ModelSpec& model);

}  // namespace loongforge::data
