// SPDX-License-Identifier: Apache-2.0
// Tokenizers as published with models: tokenizer.json with the ids that the `tokenizers` package gives, SentencePiece
// models, tiktoken and tekken vocabularies, GPT-2's vocab.json with merges.txt, BERT's vocab.txt.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace loongforge::tokenizer {

/// Immutable and cheap to copy; all members may be called from many threads at once.
class Tokenizer {
 public:
  /// Reads `path`, a file or a folder; what it is shows from its content. DataError, naming the place, for a missing or
  /// malformed file and for component types that aren't supported. "truncation" and "padding" are not applied.
  static Tokenizer from_file(const std::filesystem::path& path);
  /// A tokenizer.json from its text; `origin` names it in errors.
  static Tokenizer from_text(std::string_view json, std::string_view origin = "tokenizer.json");

  /// Ids of `text`; with `add_special_tokens` also what the post-processor adds. Bytes that aren't UTF-8 count as
  /// U+FFFD.
  std::vector<int32_t> encode(std::string_view text, bool add_special_tokens = true) const;
  /// Ids of two texts, put together by the post-processor (without one: one after the other).
  std::vector<int32_t> encode_pair(std::string_view first, std::string_view second,
                                   bool add_special_tokens = true) const;
  /// Text of `ids`, valid UTF-8 with U+FFFD for broken characters; ids without a token are passed over.
  std::string decode(std::span<const int32_t> ids, bool skip_special_tokens = true) const;

  /// One more than the largest id.
  int32_t vocab_size() const;
  std::optional<int32_t> token_to_id(std::string_view token) const;
  std::optional<std::string> id_to_token(int32_t id) const;
  bool is_special(int32_t id) const;
  /// Ids of the special added tokens, ascending.
  std::vector<int32_t> special_ids() const;
  /// The token that ends documents: "<|endoftext|>", "<|end_of_text|>", "</s>", "<|im_end|>"…, whichever is special
  /// here, after the "eos_token" of a tokenizer_config.json beside the file.
  std::optional<int32_t> end_of_text() const;

 private:
  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

/// The files that a tokenizer is read from when `path`, a file or a folder, is given. DataError when there are none.
std::vector<std::filesystem::path> tokenizer_files(const std::filesystem::path& path);

/// Decodes token by token: `push` gives the new whole characters, `finish` what is left.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, bool skip_special_tokens = true)
      : tokenizer_(std::move(tokenizer)), skip_special_(skip_special_tokens) {}
  std::string push(int32_t id);
  std::string finish();

 private:
  std::string take(bool last);

  Tokenizer tokenizer_;
  bool skip_special_;
  std::vector<int32_t> ids_;  // those whose text may still change or give context
  size_t given_ = 0;          // of ids_, how many are in text_
  std::string text_;          // decoded from ids_[0, given_)
};

}  // namespace loongforge::tokenizer
