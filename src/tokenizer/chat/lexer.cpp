// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/chat/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "tokenizer/chat/literals.h"
#include "tokenizer/chat/text.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer::jinja {
namespace {

// "\r\n" and "\r" are "\n"; one line end at the very end isn't part of the template.
std::string normalize_lines(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      text += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      text += source[i];
    }
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : storage_(normalize_lines(source)), text_(storage_) {}

  std::vector<Token> run() {
    while (position_ < text_.size()) lex_data();
    add(TokenKind::end);
    return std::move(tokens_);
  }

 private:
  bool at(std::string_view what) const { return text_.substr(position_).starts_with(what); }
  char peek(size_t ahead = 0) const { return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0'; }
  [[noreturn]] void fail(const std::string& what) const { throw SyntaxError(line_, what); }

  void add(TokenKind kind, std::string text = {}) { tokens_.push_back({kind, line_, std::move(text)}); }

  void advance(size_t count) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<ptrdiff_t>(position_),
                                         text_.begin() + static_cast<ptrdiff_t>(position_ + count), '\n'));
    position_ += count;
    if (count > 0) at_line_start_ = text_[position_ - 1] == '\n';
  }

  void skip_space() { advance(text_.size() - position_ - strip_left(text_.substr(position_)).size()); }

  // Adds the data before a tag as the tag's sign wants it.
  void add_data(std::string_view data, char sign, bool strip_line) {
    std::string_view kept = data;
    if (sign == '-') {
      kept = strip_right(data);
    } else if (sign != '+' && strip_line) {
      size_t line = data.rfind('\n') + 1;
      if ((line > 0 || at_line_start_) && strip_left(data.substr(line)).empty()) kept = data.substr(0, line);
    }
    if (!kept.empty()) add(TokenKind::data, std::string(kept));
    advance(data.size());
  }

  char take_sign() {
    char sign = peek();
    if (sign != '-' && sign != '+') return '\0';
    advance(1);
    return sign;
  }

  void lex_data() {
    size_t begin = position_, found = begin;
    while ((found = text_.find('{', found)) != text_.npos) {
      char next = found + 1 < text_.size() ? text_[found + 1] : '\0';
      if (next == '%' || next == '{' || next == '#') break;
      ++found;
    }
    if (found == text_.npos) {
      add(TokenKind::data, std::string(text_.substr(begin)));
      advance(text_.size() - begin);
      return;
    }
    char type = text_[found + 1];
    char sign = found + 2 < text_.size() ? text_[found + 2] : '\0';
    add_data(text_.substr(begin, found - begin), sign, type != '{');
    if (type == '%' && lex_raw()) return;
    advance(2);
    take_sign();
    if (type == '#') return lex_comment();
    bool block = type == '%';
    add(block ? TokenKind::block_begin : TokenKind::variable_begin);
    lex_code(block);
  }

  void lex_comment() {
    size_t end = text_.find("#}", position_);
    if (end == text_.npos) fail("the comment has no end '#}'");
    char sign = end > position_ ? text_[end - 1] : '\0';
    advance(end - position_ + 2);
    close(sign, true);
  }

  // White space after a tag that was closed with `sign`.
  void close(char sign, bool trim_line) {
    if (sign == '-') {
      skip_space();
    } else if (sign != '+' && trim_line && peek() == '\n') {
      advance(1);
    }
  }

  // Length of "{%", an optional sign, white space, `word`, white space at `from`; 0 when it isn't there.
  size_t tag_head(size_t from, std::string_view word) const {
    std::string_view rest = text_.substr(from);
    if (!rest.starts_with("{%")) return 0;
    rest.remove_prefix(2);
    if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) rest.remove_prefix(1);
    rest = strip_left(rest);
    if (!rest.starts_with(word)) return 0;
    rest = strip_left(rest.substr(word.size()));
    return text_.size() - from - rest.size();
  }

  bool lex_raw() {
    size_t head = tag_head(position_, "raw");
    if (head == 0) return false;
    std::string_view rest = text_.substr(position_ + head);
    bool strip = rest.starts_with("-%}");
    if (!strip && !rest.starts_with("%}")) return false;
    advance(head + (strip ? 3 : 2));
    if (strip) skip_space();
    for (size_t end = position_; (end = text_.find("{%", end)) != text_.npos; ++end) {
      size_t tail = tag_head(end, "endraw");
      if (tail == 0) continue;
      rest = text_.substr(end + tail);
      char sign = rest.empty() ? '\0' : rest[0];
      if (sign == '-' || sign == '+') rest.remove_prefix(1);
      if (!rest.starts_with("%}")) continue;
      add_data(text_.substr(position_, end - position_), text_[end + 2], true);
      advance(text_.size() - position_ - rest.size() + 2);
      close(sign, true);
      return true;
    }
    fail("the raw block has no end '{% endraw %}'");
  }

  // The end of the tag, when it is here and no bracket is open.
  bool lex_tag_end(bool block) {
    if (!brackets_.empty()) return false;
    std::string_view end = block ? "%}" : "}}";
    char sign = peek() == '-' || (block && peek() == '+') ? peek() : '\0';
    if (!text_.substr(position_ + (sign != '\0')).starts_with(end)) return false;
    add(block ? TokenKind::block_end : TokenKind::variable_end);
    advance(end.size() + (sign != '\0'));
    close(sign, block);
    return true;
  }

  void lex_code(bool block) {
    while (!lex_tag_end(block)) {
      if (position_ >= text_.size()) return;  // the parser says what is missing
      size_t before = position_;
      skip_space();
      if (position_ != before) continue;
      char next = peek();
      if (next >= '0' && next <= '9') {
        lex_number();
      } else if (next == '\'' || next == '"') {
        lex_string(next);
      } else if (!lex_name()) {
        lex_operator();
      }
    }
  }

  bool lex_name() {
    size_t end = position_;
    while (end < text_.size()) {
      size_t next = end;
      uint32_t code = next_code_point(text_, next);
      if (!is_word(code)) break;
      end = next;
    }
    if (end == position_) return false;
    add(TokenKind::name, std::string(text_.substr(position_, end - position_)));
    advance(end - position_);
    return true;
  }

  void lex_string(char quote) {
    size_t end = position_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) fail(fmt::format("the string has no end {}", quote));
    auto text = unescape(text_.substr(position_ + 1, end - position_ - 1));
    if (!text) fail("the string has a broken escape after '\\'");
    add(TokenKind::string, std::move(*text));
    advance(end + 1 - position_);
  }

  void lex_number() {
    bool after_dot = position_ > 0 && text_[position_ - 1] == '.';
    Number number = read_number(text_.substr(position_), !after_dot);
    if (number.length == 0) fail("the number is too large");
    add(number.is_real ? TokenKind::real : TokenKind::integer);
    tokens_.back().integer = number.integer;
    tokens_.back().real = number.real;
    advance(number.length);
  }

  void lex_operator() {
    static constexpr std::array<std::string_view, 27> kOperators = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]",
        "(",  ")",  "{",  "}",  ">",  "<",  "=", ".", ":", "|", ",", ";", "!"};
    auto found = std::find_if(kOperators.begin(), kOperators.end(), [&](std::string_view op) { return at(op); });
    if (found == kOperators.end() || *found == "!") fail(fmt::format("unexpected character '{}'", first_char()));
    track_brackets((*found)[0]);
    add(TokenKind::op, std::string(*found));
    advance(found->size());
  }

  std::string_view first_char() const {
    size_t next = position_;
    next_code_point(text_, next);
    return text_.substr(position_, next - position_);
  }

  void track_brackets(char op) {
    if (op == '(') brackets_ += ')';
    if (op == '[') brackets_ += ']';
    if (op == '{') brackets_ += '}';
    if (op != ')' && op != ']' && op != '}') return;
    if (brackets_.empty()) fail(fmt::format("unexpected '{}'", op));
    if (brackets_.back() != op) fail(fmt::format("unexpected '{}', expected '{}'", op, brackets_.back()));
    brackets_.pop_back();
  }

  std::string storage_;
  std::string_view text_;
  size_t position_ = 0;
  int line_ = 1;
  bool at_line_start_ = true;
  std::string brackets_;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace loongforge::tokenizer::jinja
