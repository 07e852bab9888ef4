// SPDX-License-Identifier: Apache-2.0
// Template text to tokens, with Jinja's white space rules: trim_blocks and lstrip_blocks are on, as in transformers.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace loongforge::tokenizer::jinja {

/// What is wrong with a template's text, and where.
struct SyntaxError : std::runtime_error {
  SyntaxError(int at, const std::string& what) : std::runtime_error(what), line(at) {}
  int line;
};

enum class TokenKind : uint8_t {
  data, variable_begin, variable_end, block_begin, block_end, name, string, integer, real, op, end
};

struct Token {
  TokenKind kind = TokenKind::end;
  int line = 1;
  std::string text;  // data, names, operators; strings with their escapes resolved
  int64_t integer = 0;
  double real = 0;
};

/// All tokens, the last one of kind `end`. `source` must be valid UTF-8.
std::vector<Token> tokenize(std::string_view source);

}  // namespace loongforge::tokenizer::jinja
