// SPDX-License-Identifier: Apache-2.0
// The datasets that ship with the library: documents and conversations (tokenized once into a cache), Megatron
// .bin/.idx, rows of ids, and blends of them.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loongforge/data/dataset.h"
#include "loongforge/spec/model_spec.h"

namespace loongforge::data {

/// The choices among conversations; the words are those of the configuration.
struct ConversationRequest {
  std::string format = "auto";                 ///< auto, messages, sharegpt, alpaca, prompt
  std::map<std::string, std::string> columns;  ///< corpus::ConversationLayout
  std::string chat_template;                   ///< file, or name of one in the tokenizer's folder; empty: its default
  std::string train_on = "all";                ///< all, last, completions
  std::string truncation = "right";            ///< right, left, drop, error
  int64_t pack_buffer = 1024;
};

struct BuiltinRequest {
  std::string kind;                   ///< one of builtin_kinds()
  std::vector<std::string> train;     ///< files, patterns, folders (corpus::expand_files)
  std::vector<std::string> valid;     ///< the same; empty: `valid_fraction` of train
  std::vector<double> weights;        ///< blend: one for each entry of train; empty: all samples of each
  std::string weight_by = "samples";  ///< or "tokens"
  double valid_fraction = 0;          ///< a fixed pseudo-random part of 20-line blocks, records or conversations
  std::string tokenizer;              ///< a tokenizer's file or its folder (text, jsonl, sft)
  int64_t seq_length = 1024;
  bool packing = true;          ///< fill samples with several documents; false: one document a sample
  bool reset_positions = true;  ///< documents of a sample don't see each other; positions restart
  bool shuffle = true;
  std::string text_key = "text";
  bool append_eod = true;
  std::string bad_records = "fail";  ///< or "skip"
  ConversationRequest conversations;
  uint64_t seed = 0;
  std::string cache_dir;    ///< where tokenized text is kept
  bool validation = false;  ///< the validation split is wanted
};

/// "text", "jsonl", "sft", "indexed", "tokens".
std::vector<std::string> builtin_kinds();
/// nullptr when there is no validation data. Ids are checked against the model's vocabulary.
/// Errors: DataError naming file and place; ConfigError for settings that don't fit.
std::shared_ptr<const Dataset> make_builtin(const BuiltinRequest& request, const spec::ModelSpec& model);

}  // namespace loongforge::data
