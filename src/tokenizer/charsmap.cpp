// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/charsmap.h"

#include <utf8proc.h>

#include <cstring>

#include "loongforge/core/error.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

constexpr size_t kLongestWholeGrapheme = 5;

bool has_leaf(uint32_t unit) { return (unit >> 8 & 1) == 1; }
uint32_t value(uint32_t unit) { return unit & 0x7FFFFFFFu; }
uint32_t label(uint32_t unit) { return unit & 0x800000FFu; }
uint32_t offset(uint32_t unit) { return unit >> 10 << ((unit & (1u << 9)) >> 6); }

size_t grapheme_end(std::string_view text, size_t pos) {
  utf8proc_int32_t state = 0;
  auto previous = static_cast<utf8proc_int32_t>(next_code_point(text, pos));
  while (pos < text.size()) {
    size_t after = pos;
    auto next = static_cast<utf8proc_int32_t>(next_code_point(text, after));
    if (utf8proc_grapheme_break_stateful(previous, next, &state)) break;
    previous = next;
    pos = after;
  }
  return pos;
}

}  // namespace

Charsmap::Charsmap(std::string_view blob) {
  if (blob.empty()) return;
  uint32_t bytes = 0;
  if (blob.size() >= 4) std::memcpy(&bytes, blob.data(), 4);
  if (blob.size() < 4 || bytes > blob.size() - 4 || bytes % 4 != 0 || bytes == 0)
    throw DataError("precompiled_charsmap: cut off or damaged", "copy the tokenizer again");
  units_.resize(bytes / 4);
  std::memcpy(units_.data(), blob.data() + 4, bytes);
  replacements_ = blob.substr(4 + size_t{bytes});
}

std::optional<Charsmap::Hit> Charsmap::find(std::string_view text, bool first) const {
  std::optional<Hit> hit;
  if (units_.empty()) return hit;
  size_t node = offset(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<uint8_t>(text[i]);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || label(units_[node]) != byte) break;
    uint32_t unit = units_[node];
    node ^= offset(unit);
    if (!has_leaf(unit) || node >= units_.size()) continue;
    size_t begin = value(units_[node]);
    if (begin >= replacements_.size()) continue;
    size_t end = replacements_.find('\0', begin);
    hit = {i + 1, std::string_view(replacements_).substr(begin, end == replacements_.npos ? end : end - begin)};
    if (first) break;
  }
  return hit;
}

std::string Charsmap::normalize_graphemes(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) {
    size_t end = grapheme_end(text, pos);
    if (end - pos <= kLongestWholeGrapheme) {
      if (auto hit = shortest(text.substr(pos, end - pos))) {
        out += hit->replacement;
        pos = end;
        continue;
      }
    }
    while (pos < end) {
      size_t begin = pos;
      next_code_point(text, pos);
      auto hit = shortest(text.substr(begin, pos - begin));
      out += hit ? hit->replacement : text.substr(begin, pos - begin);
    }
  }
  return out;
}

std::string decode_base64(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    int digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                : c >= 'a' && c <= 'z' ? c - 'a' + 26
                : c >= '0' && c <= '9' ? c - '0' + 52
                : c == '+'             ? 62
                : c == '/'             ? 63
                                       : -1;
    if (digit < 0) throw DataError(fmt::format("'{}' is not base64", text.substr(0, 40)), "copy the file again");
    bits = bits << 6 | static_cast<uint32_t>(digit);
    if ((count += 6) < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xFF);
  }
  return out;
}

}  // namespace loongforge::tokenizer
