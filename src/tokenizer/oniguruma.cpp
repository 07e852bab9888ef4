// SPDX-License-Identifier: Apache-2.0
// From Oniguruma's Ruby syntax, and that of Rust's regular expressions, to PCRE2's.
#include <algorithm>
#include <array>
#include <utility>

#include "loongforge/core/error.h"
#include "tokenizer/regex.h"

namespace loongforge::tokenizer {
namespace {

using Name = std::pair<std::string_view, std::string_view>;
// Items for use inside brackets. White_Space differs from PCRE2's \s by U+180E, word characters by marks and
// connectors.
constexpr std::string_view kSpace =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view kRubyWord = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})";
constexpr std::string_view kRustWord = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200c}\x{200d})";
constexpr std::array<Name, 19> kProperties{{{"Letter", "L"},
                                            {"Mark", "M"},
                                            {"Number", "N"},
                                            {"Punctuation", "P"},
                                            {"Symbol", "S"},
                                            {"Separator", "Z"},
                                            {"Other", "C"},
                                            {"Uppercase_Letter", "Lu"},
                                            {"Lowercase_Letter", "Ll"},
                                            {"Decimal_Number", "Nd"},
                                            {"Alpha", "Alphabetic"},
                                            {"Alphabetic", "Alphabetic"},
                                            {"Digit", "Nd"},
                                            {"Upper", "Uppercase"},
                                            {"Lower", "Lowercase"},
                                            {"Any", "Any"},
                                            {"Emoji", "Emoji"},
                                            {"Ideographic", "Ideographic"},
                                            {"Punct", "P"}}};

class Translator {
 public:
  Translator(std::string_view in, Syntax syntax)
      : in_(in), ruby_(syntax == Syntax::oniguruma), word_(ruby_ ? kRubyWord : kRustWord) {}

  std::string run() {
    while (pos_ < in_.size()) step();
    return out_;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw DataError(fmt::format("regular expression '{}': {} at {} is not supported", in_, what, pos_));
  }
  bool at(std::string_view text) const { return in_.substr(pos_).starts_with(text); }

  void step() {
    if (in_[pos_] == '\\') {
      out_ += escape(false);
    } else if (in_[pos_] == '[') {
      out_ += char_class(0);
    } else if (ruby_ && at("(?") && pos_ + 2 < in_.size()) {
      group_start();
    } else if (ruby_ && in_[pos_] == '{' && interval()) {
      return;
    } else {
      out_ += in_[pos_++];
    }
  }

  // Option letters: Ruby's m lets the dot match a newline, which PCRE2 calls s.
  void group_start() {
    size_t end = in_.find_first_of(":)", pos_ + 2);
    std::string_view flags = end == in_.npos ? "" : in_.substr(pos_ + 2, end - pos_ - 2);
    bool only_flags = !flags.empty() && flags.find_first_not_of("imx-") == flags.npos;
    out_ += "(?";
    pos_ += 2;
    if (!only_flags) return;
    std::string renamed(flags);
    std::replace(renamed.begin(), renamed.end(), 'm', 's');
    out_ += renamed;
    pos_ = end;
  }

  // `X{n,m}+` repeats the interval in Ruby where PCRE2 makes it possessive; with n <= 1 that is X+ or X*.
  bool interval() {
    size_t close = in_.find('}', pos_);
    if (close == in_.npos) return false;
    std::string_view inside = in_.substr(pos_ + 1, close - pos_ - 1);
    if (inside.empty() || inside.find_first_not_of("0123456789,") != inside.npos) return false;
    bool repeated = close + 1 < in_.size() && in_[close + 1] == '+';
    std::string_view low = inside.substr(0, inside.find(','));
    if (repeated && low != "1" && low != "0" && !low.empty()) fail("a repeated interval");
    if (repeated) {
      out_ += low == "1" ? "+" : "*";
    } else if (low.empty()) {
      out_.append("{0").append(inside).append("}");
    } else {
      out_.append("{").append(inside).append("}");
    }
    pos_ = close + 1 + (repeated ? 1 : 0);
    return true;
  }

  static std::string wrap(std::string_view items, bool negated, bool in_class) {
    if (in_class && !negated) return std::string(items);
    return fmt::format("[{}{}]", negated ? "^" : "", items);
  }

  // The escape at pos_; in a class it gives items, elsewhere an atom.
  std::string escape(bool in_class) {
    if (pos_ + 1 >= in_.size()) fail("a trailing backslash");
    char c = in_[pos_ + 1];
    size_t begin = pos_;
    pos_ += 2;
    switch (c) {
      case 's': return wrap(kSpace, false, in_class);
      case 'w': return wrap(word_, false, in_class);
      case 'd': return "\\p{Nd}";
      case 'D': return "\\P{Nd}";
      case 'h': return wrap("0-9a-fA-F", false, in_class);
      case 'S': return in_class ? "\\S" : wrap(kSpace, true, false);
      case 'W': return in_class ? "\\W" : wrap(word_, true, false);
      case 'H':
        if (in_class) fail("\\H in a class");
        return wrap("0-9a-fA-F", true, false);
      case 'u': return unicode_escape();
      case 'p':
      case 'P': return property(c == 'P', in_class);
      default: {
        size_t length = 1;
        while (pos_ + length - 1 < in_.size() && length > 0 &&
               (static_cast<unsigned char>(in_[pos_ + length - 1]) & 0xC0) == 0x80)
          ++length;
        pos_ = std::min(in_.size(), pos_ + length - 1);
        return std::string(in_.substr(begin, pos_ - begin));
      }
    }
  }

  std::string unicode_escape() {
    std::string_view digits = in_.substr(pos_, 4);
    if (digits.size() != 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos) fail("\\u");
    pos_ += 4;
    return fmt::format("\\x{{{}}}", digits);
  }

  std::string property(bool negated, bool in_class) {
    size_t close = in_.find('}', pos_);
    if (pos_ >= in_.size() || in_[pos_] != '{' || close == in_.npos) fail("\\p without {name}");
    std::string_view name = in_.substr(pos_ + 1, close - pos_ - 1);
    pos_ = close + 1;
    if (name.starts_with('^')) {
      negated = !negated;
      name.remove_prefix(1);
    }
    if (name == "Space" || name == "Word") {
      if (negated && in_class) fail("a negated property in a class");
      return wrap(name == "Space" ? kSpace : word_, negated, in_class);
    }
    std::string known(name);
    auto found = std::find_if(kProperties.begin(), kProperties.end(), [&](const Name& n) { return n.first == name; });
    if (found != kProperties.end())
      known = found->second;
    else if (name.size() > 2)
      known = fmt::format("sc:{}", name);  // the script itself, not Script_Extensions
    return fmt::format("\\{}{{{}}}", negated ? 'P' : 'p', known);
  }

  // A bracketed class at pos_. Nested classes join; `&&` intersects, by lookahead.
  std::string char_class(int depth) {
    std::vector<std::string> operands;
    bool negated = class_operands(depth, operands);
    if (operands.size() == 1) return fmt::format("[{}{}]", negated ? "^" : "", operands[0]);
    std::string out = negated ? "(?:(?!" : "(?:";
    for (size_t i = 1; i < operands.size(); ++i) out += fmt::format("(?=[{}])", operands[i]);
    out += fmt::format("[{}]", operands[0]);
    return out + (negated ? ")[\\x{0}-\\x{10ffff}])" : ")");
  }

  bool class_operands(int depth, std::vector<std::string>& operands) {
    if (depth > 16) fail("a class nested this deep");
    ++pos_;
    bool negated = pos_ < in_.size() && in_[pos_] == '^';
    if (negated) ++pos_;
    operands.assign(1, "");
    for (bool first = true; pos_ < in_.size(); first = false) {
      if (in_[pos_] == ']' && !first) {
        ++pos_;
        return negated;
      }
      if (at("&&")) {
        operands.emplace_back();
        pos_ += 2;
      } else {
        class_item(depth, operands.back());
      }
    }
    fail("an unclosed class");
  }

  void class_item(int depth, std::string& items) {
    if (in_[pos_] == '\\') {
      items += escape(true);
    } else if (at("[:")) {
      size_t close = in_.find(":]", pos_);
      if (close == in_.npos) fail("an unclosed [:");
      items += in_.substr(pos_, close + 2 - pos_);
      pos_ = close + 2;
    } else if (in_[pos_] == '[') {
      nested_class(depth, items);
    } else {
      items += in_[pos_++];
    }
  }

  void nested_class(int depth, std::string& items) {
    std::vector<std::string> inner;
    bool negated = class_operands(depth + 1, inner);
    if (inner.size() != 1) fail("an intersection in a nested class");
    bool alone = items.empty() && pos_ < in_.size() && (in_[pos_] == ']' || at("&&"));
    if (negated && !alone) fail("a negated class joined with others");
    items += negated ? "^" + inner[0] : inner[0];
  }

  std::string_view in_;
  bool ruby_;
  std::string_view word_;
  size_t pos_ = 0;
  std::string out_;
};

}  // namespace

std::string to_pcre2(std::string_view pattern, Syntax syntax) { return Translator(pattern, syntax).run(); }

}  // namespace loongforge::tokenizer
