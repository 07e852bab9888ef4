// SPDX-License-Identifier: Apache-2.0
// The datasets that ship with the library: text and JSONL (tokenized once into a cache), Megatron .bin/.idx, and rows of ids.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "loongforge/data/dataset.h"
#include "loongforge/spec/model_spec.h"

namespace loongforge::data {

struct BuiltinRequest {
  std::string kind;                ///< one of builtin_kinds()
  std::vector<std::string> train;  ///< files
  std::vector<std::string> valid;  ///< files; empty: `valid_fraction` of train
  double valid_fraction = 0;       ///< text and jsonl: a fixed pseudo-random part of 20-line blocks or records
  std::string tokenizer;           ///< a tokenizer's file or its folder (text, jsonl)
  int64_t seq_length = 1024;
  bool packing = true;             ///< fill samples with several documents; false: one document a sample
  bool reset_positions = true;     ///< documents of a sample don't see each other; positions restart
  std::string text_key = "text";
  bool append_eod = true;
  uint64_t seed = 0;
  std::string cache_dir;           ///< where tokenized text is kept
  bool validation = false;         ///< the validation split is wanted
};

/// "text", "jsonl", "indexed", "tokens".
std::vector<std::string> builtin_kinds();
/// nullptr when there is no validation data. Ids are checked against the model's vocabulary.
/// Errors: DataError naming file and place; ConfigError for settings that don't fit.
std::shared_ptr<const Dataset> make_builtin(const BuiltinRequest& request, const spec::ModelSpec& model);

}  // namespace loongforge::data
