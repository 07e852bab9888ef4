// SPDX-License-Identifier: Apache-2.0
// UTF-8, Unicode properties and normal forms as the tokenizers package has them, and GPT-2's byte alphabet.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace loongforge::tokenizer {

/// Decodes the code point at `pos` of valid UTF-8 and moves `pos` past it.
uint32_t next_code_point(std::string_view text, size_t& pos);
void append_utf8(std::string& out, uint32_t code_point);
/// Length of the longest valid UTF-8 prefix.
size_t valid_utf8_prefix(std::string_view text);
/// Invalid sequences become U+FFFD, one per maximal subpart (as Rust's from_utf8_lossy and WHATWG do).
std::string utf8_lossy(std::string_view bytes);

/// Unicode White_Space.
bool is_whitespace(uint32_t code_point);
/// What the Digits pre-tokenizer takes for a digit (Rust's char::is_numeric).
bool is_numeric(uint32_t code_point);
/// ASCII punctuation, or general category P* of the package's tables.
bool is_punctuation(uint32_t code_point);
/// A word character of Rust's regular expressions (letters, marks, decimal digits, connectors, joiners).
bool is_word(uint32_t code_point);
/// What StripAccents removes.
bool is_accent(uint32_t code_point);

enum class NormalForm { nfc, nfd, nfkc, nfkd };
std::string normalize(std::string_view text, NormalForm form);
/// Code point by code point, without context rules.
std::string lowercase(std::string_view text);

/// The printable character of a byte in GPT-2's alphabet, as UTF-8.
std::string_view byte_to_char(uint8_t byte);
/// The byte of a character of GPT-2's alphabet.
std::optional<uint8_t> char_to_byte(uint32_t code_point);

}  // namespace loongforge::tokenizer
