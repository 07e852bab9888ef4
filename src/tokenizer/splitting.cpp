// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/splitting.h"

#include <algorithm>

#include "loongforge/core/error.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

struct Span {
  size_t begin, end;
  bool is_match;
};

std::vector<Span> cover(size_t size, const std::vector<Match>& matches, bool invert) {
  std::vector<Span> spans;
  spans.reserve(matches.size() * 2 + 1);
  size_t done = 0;
  for (Match match : matches) {
    if (done != match.begin) spans.push_back({done, match.begin, invert});
    spans.push_back({match.begin, match.end, !invert});
    done = match.end;
  }
  if (done != size) spans.push_back({done, size, invert});
  return spans;
}

std::vector<Span> merge(std::vector<Span> spans, Behavior behavior) {
  bool backwards = behavior == Behavior::merged_with_next;
  if (backwards) std::reverse(spans.begin(), spans.end());
  std::vector<Span> out;
  bool previous = false;
  for (const Span& span : spans) {
    bool join = behavior == Behavior::contiguous ? span.is_match == previous : span.is_match && !previous;
    previous = span.is_match;
    if (!join || out.empty()) {
      out.push_back(span);
    } else if (backwards) {
      out.back().begin = span.begin;
    } else {
      out.back().end = span.end;
    }
  }
  if (backwards) std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace

Behavior make_behavior(const JsonNode& node) {
  std::string name = node.string();
  if (name == "Removed") return Behavior::removed;
  if (name == "Isolated") return Behavior::isolated;
  if (name == "MergedWithPrevious") return Behavior::merged_with_previous;
  if (name == "MergedWithNext") return Behavior::merged_with_next;
  if (name == "Contiguous") return Behavior::contiguous;
  node.fail(fmt::format("behavior '{}' is not supported", name));
}

void split_at(std::string_view text, const std::vector<Match>& matches, bool invert, Behavior behavior,
              std::vector<std::string_view>& out) {
  if (behavior == Behavior::isolated) {  // what nearly every pattern is used with
    size_t done = 0;
    auto part = [&](size_t end) {
      if (done < end) out.push_back(text.substr(done, end - done));
      done = end;
    };
    for (Match match : matches) part(match.begin), part(match.end);
    return part(text.size());
  }
  std::vector<Span> spans = cover(text.size(), matches, invert);
  if (behavior != Behavior::removed) spans = merge(std::move(spans), behavior);
  for (const Span& span : spans) {
    if (span.begin == span.end || (behavior == Behavior::removed && span.is_match)) continue;
    out.push_back(text.substr(span.begin, span.end - span.begin));
  }
}

std::vector<Match> match_characters(std::string_view text, bool (*is_delimiter)(uint32_t)) {
  std::vector<Match> matches;
  for (size_t pos = 0; pos < text.size();) {
    size_t begin = pos;
    if (is_delimiter(next_code_point(text, pos))) matches.push_back({begin, pos});
  }
  return matches;
}

}  // namespace loongforge::tokenizer
