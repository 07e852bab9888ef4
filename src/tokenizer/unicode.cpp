// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/unicode.h"

#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <new>

#include "tokenizer/code_points.h"

namespace loongforge::tokenizer {
namespace {

constexpr uint32_t kAlphabetSize = 324;  // the last byte character is U+0143

struct ByteAlphabet {
  std::array<std::string, 256> chars;
  std::array<int16_t, kAlphabetSize> bytes;

  ByteAlphabet() {
    bytes.fill(-1);
    uint32_t extra = 256;
    for (uint32_t b = 0; b < 256; ++b) {
      bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      uint32_t code_point = printable ? b : extra++;
      append_utf8(chars[b], code_point);
      bytes[code_point] = static_cast<int16_t>(b);
    }
  }
};

const ByteAlphabet& byte_alphabet() {
  static const ByteAlphabet alphabet;
  return alphabet;
}

// Length of the valid character at `pos`, or minus the length of the invalid maximal subpart there.
int character_length(std::string_view s, size_t pos) {
  auto byte = [&](size_t i) { return pos + i < s.size() ? static_cast<uint8_t>(s[pos + i]) : 0; };
  uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  int length = lead >= 0xC2 && lead <= 0xDF   ? 2
               : lead >= 0xE0 && lead <= 0xEF ? 3
               : lead >= 0xF0 && lead <= 0xF4 ? 4
                                              : 0;
  if (length == 0) return -1;
  uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return -1;
  for (int i = 2; i < length; ++i)
    if ((byte(static_cast<size_t>(i)) & 0xC0) != 0x80) return -i;
  return length;
}

bool below(std::string_view text, uint8_t limit) {
  for (char c : text)
    if (static_cast<uint8_t>(c) >= limit) return false;
  return true;
}

std::string normalize_whole(std::string_view text, NormalForm form) {
  int options = UTF8PROC_STABLE;
  options |= form == NormalForm::nfc || form == NormalForm::nfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (form == NormalForm::nfkc || form == NormalForm::nfkd) options |= UTF8PROC_COMPAT;
  utf8proc_uint8_t* mapped = nullptr;
  auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &mapped, static_cast<utf8proc_option_t>(options));
  if (length < 0) throw std::bad_alloc();  // the text is valid UTF-8, so only memory can be missing
  std::string out(reinterpret_cast<char*>(mapped), static_cast<size_t>(length));
  std::free(mapped);
  return out;
}

// NFC works only on the stretches that hold something to compose, each with the character before it.
std::string compose(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  size_t done = 0, previous = 0;
  for (size_t pos = 0; pos < text.size();) {
    size_t begin = pos;
    if (!has(next_code_point(text, pos), Property::composing)) {
      previous = begin;
      continue;
    }
    size_t end = pos;
    while (pos < text.size() && has(next_code_point(text, pos), Property::composing)) end = pos;
    out.append(text, done, previous - done);
    out += normalize_whole(text.substr(previous, end - previous), NormalForm::nfc);
    done = previous = pos = end;
  }
  return out.append(text, done, text.size() - done);
}

// Characters that Unicode gave decompositions after version 12, which is what the package's normal forms know.
bool is_young(uint32_t c) {
  return c == 0x32FF || (c >= 0xA7F2 && c <= 0xA7F4) || c == 0xAB69 || (c >= 0x10781 && c <= 0x107BA) || c == 0x11938 ||
         c == 0x1F16C || (c >= 0x1FBF0 && c <= 0x1FBF9);
}

std::string normalize_between_young(std::string_view text, NormalForm form) {
  std::string out;
  size_t done = 0;
  for (size_t pos = 0; pos < text.size();) {
    size_t begin = pos;
    if (!is_young(next_code_point(text, pos))) continue;
    out += normalize_whole(text.substr(done, begin - done), form);
    out += text.substr(begin, pos - begin);
    done = pos;
  }
  return out += normalize_whole(text.substr(done), form);
}

// utf8proc's tables are those of Unicode 14; the package lowers what came until version 17.
uint32_t lower(uint32_t c) {
  if (c >= 0x10D50 && c <= 0x10D65) return c + 0x20;
  if (c >= 0x16EA0 && c <= 0x16EB8) return c + 0x1B;
  switch (c) {
    case 0x1C89:
    case 0xA7CC:
    case 0xA7CE:
    case 0xA7D2:
    case 0xA7D4:
    case 0xA7DA: return c + 1;
    case 0xA7CB: return 0x264;
    case 0xA7DC: return 0x19B;
    default: return static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
  }
}

}  // namespace

uint32_t next_code_point(std::string_view text, size_t& pos) {
  auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[pos + i])); };
  uint32_t lead = byte(0);
  if (lead < 0x80) return ++pos, lead;
  uint32_t c;
  if (lead < 0xE0) {
    c = (lead & 0x1F) << 6 | (byte(1) & 0x3F);
    pos += 2;
  } else if (lead < 0xF0) {
    c = (lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    pos += 3;
  } else {
    c = (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
    pos += 4;
  }
  return c;
}

void append_utf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
  } else if (c < 0x10000) {
    out += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
            static_cast<char>(0x80 | (c & 0x3F))};
  } else {
    out += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3F)),
            static_cast<char>(0x80 | (c >> 6 & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
  }
}

size_t valid_utf8_prefix(std::string_view text) {
  size_t pos = 0;
  while (pos < text.size()) {
    int length = character_length(text, pos);
    if (length < 0) break;
    pos += static_cast<size_t>(length);
  }
  return pos;
}

std::string utf8_lossy(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    size_t valid = valid_utf8_prefix(bytes);
    out += bytes.substr(0, valid);
    bytes.remove_prefix(valid);
    if (bytes.empty()) break;
    out += "\xEF\xBF\xBD";
    bytes.remove_prefix(static_cast<size_t>(-character_length(bytes, 0)));
  }
  return out;
}

bool is_whitespace(uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_numeric(uint32_t c) { return has(c, Property::numeric); }

bool is_punctuation(uint32_t c) { return has(c, Property::punctuation); }

bool is_word(uint32_t c) { return has(c, Property::rust_word); }

bool is_accent(uint32_t c) { return has(c, Property::accent); }

std::string normalize(std::string_view text, NormalForm form) {
  // Below U+0300 (lead byte 0xCC) nothing changes under NFC; ASCII never changes.
  if (below(text, form == NormalForm::nfc ? 0xCC : 0x80)) return std::string(text);
  return form == NormalForm::nfc ? compose(text) : normalize_between_young(text, form);
}

std::string lowercase(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) {
    if (static_cast<uint8_t>(text[pos]) < 0x80) {
      char c = text[pos++];
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
      continue;
    }
    uint32_t c = next_code_point(text, pos);
    if (c == 0x130) {
      out += "i\xCC\x87";  // the one code point whose lower case is two
    } else {
      append_utf8(out, lower(c));
    }
  }
  return out;
}

std::string_view byte_to_char(uint8_t byte) { return byte_alphabet().chars[byte]; }

std::optional<uint8_t> char_to_byte(uint32_t c) {
  if (c >= kAlphabetSize || byte_alphabet().bytes[c] < 0) return std::nullopt;
  return static_cast<uint8_t>(byte_alphabet().bytes[c]);
}

}  // namespace loongforge::tokenizer
