// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/chat/text.h"

#include <utf8proc.h>

#include <algorithm>

#include "tokenizer/unicode.h"

namespace loongforge::tokenizer::jinja {
namespace {

utf8proc_category_t category(uint32_t code) { return utf8proc_category(static_cast<utf8proc_int32_t>(code)); }

bool is_cased(uint32_t code) {
  auto kind = category(code);
  return kind == UTF8PROC_CATEGORY_LU || kind == UTF8PROC_CATEGORY_LL || kind == UTF8PROC_CATEGORY_LT;
}

bool is_line_end(uint32_t code) {
  return (code >= 0x0a && code <= 0x0d) || (code >= 0x1c && code <= 0x1e) || code == 0x85 || code == 0x2028 ||
         code == 0x2029;
}

// Letters whose upper case is more than one letter (Unicode's SpecialCasing; those that occur in living scripts).
std::string_view long_upper(uint32_t code) {
  switch (code) {
    case 0xdf: return "SS";
    case 0x149: return "\u02bcN";
    case 0x1f0: return "J\u030c";
    case 0x390: return "\u0399\u0308\u0301";
    case 0x3b0: return "\u03a5\u0308\u0301";
    case 0x587: return "\u0535\u0552";
    case 0xfb00: return "FF";
    case 0xfb01: return "FI";
    case 0xfb02: return "FL";
    case 0xfb03: return "FFI";
    case 0xfb04: return "FFL";
    case 0xfb05:
    case 0xfb06: return "ST";
    default: return {};
  }
}

void append_upper(std::string& out, uint32_t code) {
  if (auto special = long_upper(code); !special.empty()) {
    out += special;
  } else {
    append_utf8(out, static_cast<uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code))));
  }
}

void append_title(std::string& out, uint32_t code) {
  auto special = long_upper(code);
  if (special.empty()) {
    append_utf8(out, static_cast<uint32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(code))));
  } else {
    size_t first = 0;
    next_code_point(special, first);
    out += special.substr(0, first);
    out += lower(special.substr(first));
  }
}

// A sigma ends a word when a letter is before it and none after it.
bool is_final_sigma(const std::vector<uint32_t>& codes, size_t at) {
  auto ignorable = [](uint32_t code) {
    auto kind = category(code);
    return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_ME || kind == UTF8PROC_CATEGORY_CF ||
           kind == UTF8PROC_CATEGORY_LM || kind == UTF8PROC_CATEGORY_SK || code == '\'' || code == '.' || code == ':' ||
           code == 0x2019 || code == 0xb7;
  };
  size_t before = at;
  while (before > 0 && ignorable(codes[before - 1])) --before;
  if (before == 0 || !is_cased(codes[before - 1])) return false;
  size_t after = at + 1;
  while (after < codes.size() && ignorable(codes[after])) ++after;
  return after == codes.size() || !is_cased(codes[after]);
}

void append_lower(std::string& out, const std::vector<uint32_t>& codes, size_t at) {
  uint32_t code = codes[at];
  if (code == 0x130) {
    out += "i\u0307";
  } else if (code == 0x3a3) {
    append_utf8(out, is_final_sigma(codes, at) ? 0x3c2 : 0x3c3);
  } else {
    append_utf8(out, static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code))));
  }
}

bool code_has(uint32_t code, std::string_view property) {
  auto kind = category(code);
  bool letter = kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
  bool decimal = kind == UTF8PROC_CATEGORY_ND;
  bool superscript = code == 0xb2 || code == 0xb3 || code == 0xb9 || (code >= 0x2070 && code <= 0x2089) ||
                     (code >= 0x2460 && code <= 0x2468);
  bool number = decimal || kind == UTF8PROC_CATEGORY_NL || kind == UTF8PROC_CATEGORY_NO;
  if (property == "alpha") return letter;
  if (property == "decimal") return decimal;
  if (property == "digit") return decimal || superscript;
  if (property == "numeric") return number;
  if (property == "alnum") return letter || number;
  if (property == "space") return is_python_space(code);
  if (property == "ascii") return code < 0x80;
  return is_printable(code);
}

}  // namespace

bool is_python_space(uint32_t code) { return is_whitespace(code) || (code >= 0x1c && code <= 0x1f); }

std::string_view strip_left(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    size_t next = at;
    if (!is_python_space(next_code_point(text, next))) break;
    at = next;
  }
  return text.substr(at);
}

std::string_view strip_right(std::string_view text) {
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && (static_cast<uint8_t>(text[start]) & 0xc0) == 0x80) --start;
    size_t next = start;
    if (!is_python_space(next_code_point(text, next))) break;
    text = text.substr(0, start);
  }
  return text;
}

std::string_view strip_chars(std::string_view text, std::string_view chars, bool left, bool right) {
  auto all = chars_of(text);
  auto set = chars_of(chars);
  auto listed = [&](std::string_view c) { return std::find(set.begin(), set.end(), c) != set.end(); };
  size_t begin = 0, end = all.size();
  while (left && begin < end && listed(all[begin])) ++begin;
  while (right && end > begin && listed(all[end - 1])) --end;
  if (begin == end) return {};
  return text.substr(static_cast<size_t>(all[begin].data() - text.data()),
                     static_cast<size_t>(all[end - 1].data() + all[end - 1].size() - all[begin].data()));
}

size_t count_chars(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

std::vector<uint32_t> code_points(std::string_view text) {
  std::vector<uint32_t> codes;
  codes.reserve(text.size());
  for (size_t at = 0; at < text.size();) codes.push_back(next_code_point(text, at));
  return codes;
}

size_t byte_of(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) next_code_point(text, at);
  return at;
}

std::vector<std::string_view> chars_of(std::string_view text) {
  std::vector<std::string_view> chars;
  for (size_t at = 0; at < text.size();) {
    size_t begin = at;
    next_code_point(text, at);
    chars.push_back(text.substr(begin, at - begin));
  }
  return chars;
}

std::string upper(std::string_view text) {
  std::string out;
  for (uint32_t code : code_points(text)) append_upper(out, code);
  return out;
}

std::string lower(std::string_view text) {
  auto codes = code_points(text);
  std::string out;
  for (size_t i = 0; i < codes.size(); ++i) append_lower(out, codes, i);
  return out;
}

std::string title(std::string_view text) {
  auto codes = code_points(text);
  std::string out;
  bool in_word = false;
  for (size_t i = 0; i < codes.size(); ++i) {
    if (in_word) {
      append_lower(out, codes, i);
    } else {
      append_title(out, codes[i]);
    }
    in_word = is_cased(codes[i]);
  }
  return out;
}

std::string capitalize(std::string_view text) {
  auto codes = code_points(text);
  std::string out;
  for (size_t i = 0; i < codes.size(); ++i) {
    if (i == 0) {
      append_title(out, codes[i]);
    } else {
      append_lower(out, codes, i);
    }
  }
  return out;
}

std::string swap_case(std::string_view text) {
  auto codes = code_points(text);
  std::string out;
  for (size_t i = 0; i < codes.size(); ++i) {
    if (category(codes[i]) == UTF8PROC_CATEGORY_LU) {
      append_lower(out, codes, i);
    } else {
      append_upper(out, codes[i]);
    }
  }
  return out;
}

bool has_property(std::string_view text, std::string_view property) {
  auto codes = code_points(text);
  if (codes.empty()) return property == "ascii" || property == "printable";
  if (property == "upper" || property == "lower") {
    auto wanted = property == "upper" ? UTF8PROC_CATEGORY_LU : UTF8PROC_CATEGORY_LL;
    bool any = std::any_of(codes.begin(), codes.end(), is_cased);
    auto fits = [&](uint32_t code) { return !is_cased(code) || category(code) == wanted; };
    return any && std::all_of(codes.begin(), codes.end(), fits);
  }
  return std::all_of(codes.begin(), codes.end(), [&](uint32_t code) { return code_has(code, property); });
}

bool is_printable(uint32_t code) {
  if (code == ' ') return true;
  auto kind = category(code);
  return kind != UTF8PROC_CATEGORY_CN && (kind < UTF8PROC_CATEGORY_ZS || kind > UTF8PROC_CATEGORY_CO);
}

std::vector<std::string_view> split_space(std::string_view text, int64_t limit) {
  std::vector<std::string_view> parts;
  for (std::string_view rest = strip_left(text); !rest.empty(); rest = strip_left(rest)) {
    if (limit >= 0 && static_cast<int64_t>(parts.size()) == limit) {
      parts.push_back(rest);
      break;
    }
    size_t end = 0;
    while (end < rest.size()) {
      size_t next = end;
      if (is_python_space(next_code_point(rest, next))) break;
      end = next;
    }
    parts.push_back(rest.substr(0, end));
    rest = rest.substr(end);
  }
  return parts;
}

std::vector<std::string_view> split_space_right(std::string_view text, int64_t limit) {
  auto words = split_space(text, -1);
  if (limit < 0 || static_cast<int64_t>(words.size()) <= limit) return words;
  size_t joined = words.size() - static_cast<size_t>(limit);
  std::string_view last = words[joined - 1];
  std::string_view head = text.substr(0, static_cast<size_t>(last.data() + last.size() - text.data()));
  words.erase(words.begin(), words.begin() + static_cast<ptrdiff_t>(joined));
  words.insert(words.begin(), head);
  return words;
}

std::vector<std::string_view> split_at(std::string_view text, std::string_view separator, int64_t limit) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  while (limit < 0 || static_cast<int64_t>(parts.size()) < limit) {
    size_t found = text.find(separator, begin);
    if (found == text.npos) break;
    parts.push_back(text.substr(begin, found - begin));
    begin = found + separator.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::vector<std::string_view> split_at_right(std::string_view text, std::string_view separator, int64_t limit) {
  std::vector<std::string_view> parts;
  while (limit < 0 || static_cast<int64_t>(parts.size()) < limit) {
    size_t found = text.rfind(separator);
    if (found == text.npos) break;
    parts.push_back(text.substr(found + separator.size()));
    text = text.substr(0, found);
  }
  parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    uint32_t code = next_code_point(text, at);
    if (!is_line_end(code)) continue;
    if (code == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(begin, (keep_ends ? at : end) - begin));
    begin = at;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

std::string replace(std::string_view text, std::string_view old, std::string_view with, int64_t limit) {
  std::string out;
  if (old.empty()) {  // between all characters and at both ends
    int64_t done = 0;
    for (std::string_view c : chars_of(text)) {
      if (limit < 0 || done++ < limit) out += with;
      out += c;
    }
    if (limit < 0 || done < limit) out += with;
    return out;
  }
  auto parts = split_at(text, old, limit);
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += with;
    out += parts[i];
  }
  return out;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\'': out += "&#39;"; break;
      case '"': out += "&#34;"; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace loongforge::tokenizer::jinja
