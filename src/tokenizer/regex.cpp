// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "loongforge/core/error.h"

namespace loongforge::tokenizer {
namespace {

struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

std::string error_text(int code) {
  char buffer[256] = {};
  pcre2_get_error_message(code, reinterpret_cast<PCRE2_UCHAR*>(buffer), sizeof buffer);
  return buffer;
}

std::vector<Match> find_literal(std::string_view needle, std::string_view text) {
  std::vector<Match> matches;
  if (needle.empty()) return matches;
  for (size_t pos = text.find(needle); pos != text.npos; pos = text.find(needle, pos + needle.size()))
    matches.push_back({pos, pos + needle.size()});
  return matches;
}

int match_at(const pcre2_code* code, std::string_view text, size_t pos, pcre2_match_data* data) {
  auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  int rc = pcre2_match(code, subject, text.size(), pos, PCRE2_NO_UTF_CHECK, data, nullptr);
  if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
    rc = pcre2_match(code, subject, text.size(), pos, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, nullptr);
  return rc;
}

size_t next_character(std::string_view text, size_t pos) {
  ++pos;
  while (pos < text.size() && (static_cast<unsigned char>(text[pos]) & 0xC0) == 0x80) ++pos;
  return pos;
}

}  // namespace

Regex::Regex(std::string_view pattern, Syntax syntax, Engine engine) : pattern_(pattern) {
  if (auto program = engine == Engine::fastest ? parse_pattern(pattern, syntax) : std::nullopt) {
    if (auto automaton = PatternAutomaton::build(*program)) {
      automaton_ = std::make_shared<const PatternAutomaton>(std::move(*automaton));
      return;
    }
  }
  if (syntax == Syntax::oniguruma) {
    compile(to_pcre2(pattern), PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE);
  } else {
    compile(to_pcre2(pattern, syntax), PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY);
  }
}

void Regex::compile(std::string_view translated, uint32_t options) {
  int error = 0;
  PCRE2_SIZE where = 0;
  std::unique_ptr<pcre2_compile_context, void (*)(pcre2_compile_context*)> context(
      pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(), options, &error,
                                   &where, context.get());
  if (code == nullptr)
    throw DataError(fmt::format("regular expression '{}': {} (at {})", pattern_, error_text(error), where));
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // without JIT the interpreter serves
  code_ = std::shared_ptr<const void>(
      code, [](const void* p) { pcre2_code_free(static_cast<pcre2_code*>(const_cast<void*>(p))); });
}

Regex Regex::literal(std::string_view text) {
  Regex regex;
  regex.pattern_ = text;
  regex.is_literal_ = true;
  return regex;
}

std::vector<Match> Regex::find_by_automaton(std::string_view text) const {
  std::vector<Match> matches;
  matches.reserve(text.size() / 4 + 1);
  for (size_t pos = 0; pos <= text.size();) {
    size_t end = automaton_->match_at(text, pos);
    if (end == PatternAutomaton::kNone || (end == pos && !matches.empty() && matches.back().end == pos)) {
      if (pos == text.size()) break;
      pos = next_character(text, pos);
      continue;
    }
    matches.push_back({pos, end});
    pos = end > pos ? end : next_character(text, pos);
  }
  return matches;
}

std::vector<Match> Regex::find_all(std::string_view text) const {
  if (is_literal_) return find_literal(pattern_, text);
  if (automaton_) return find_by_automaton(text);
  auto code = static_cast<const pcre2_code*>(code_.get());
  std::unique_ptr<pcre2_match_data, MatchDataDeleter> data(pcre2_match_data_create_from_pattern(code, nullptr));
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data.get());
  std::vector<Match> matches;
  for (size_t pos = 0; pos <= text.size();) {
    int rc = match_at(code, text, pos, data.get());
    if (rc == PCRE2_ERROR_NOMATCH) break;
    if (rc < 0)
      throw DataError(
          fmt::format("regular expression '{}' failed on {} bytes of text: {}", pattern_, text.size(), error_text(rc)));
    Match match{bounds[0], bounds[1]};
    bool empty = match.begin >= match.end;
    pos = empty ? next_character(text, match.begin) : match.end;
    if (empty && !matches.empty() && matches.back().end == match.begin) continue;
    matches.push_back(match);
  }
  return matches;
}

std::string Regex::replace_all(std::string_view text, std::string_view replacement) const {
  std::string out;
  size_t done = 0;
  for (Match match : find_all(text)) {
    out.append(text.substr(done, match.begin - done)).append(replacement);
    done = match.end;
  }
  return out.append(text.substr(done));
}

}  // namespace loongforge::tokenizer
