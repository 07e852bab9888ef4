// SPDX-License-Identifier: Apache-2.0
// From the text of a pattern to a program.
#include <algorithm>
#include <cctype>

#include "tokenizer/pattern.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

struct Uncovered {};  // thrown within this file: the pattern needs the general engine

struct Node {
  enum class Kind { set, next_is, sequence, choice, repeat } kind;
  uint32_t set = 0;
  bool at_end = false;       // next_is
  int least = 0, most = -1;  // repeat; negative: without bound
  enum class Mode { greedy, lazy, possessive } mode = Mode::greedy;
  std::vector<Node> parts = {};
};

constexpr int kMaxDepth = 50, kMaxRepeat = 64, kMaxStacked = 4;
constexpr size_t kMaxSteps = 4000, kMaxLength = 20000;

class Parser {
 public:
  Parser(std::string_view text, Syntax syntax) : text_(text), syntax_(syntax) {}

  Node run() {
    Node whole = choice(0);
    if (pos_ != text_.size()) throw Uncovered();
    return whole;
  }
  std::vector<CodePointSet> sets;

 private:
  bool more() const { return pos_ < text_.size(); }
  bool at(std::string_view what) const { return text_.substr(pos_).starts_with(what); }
  bool eat(std::string_view what) {
    if (!at(what)) return false;
    pos_ += what.size();
    return true;
  }

  uint32_t keep(const CodePointSet& set) {
    auto found = std::find(sets.begin(), sets.end(), set);
    if (found == sets.end()) found = sets.insert(found, set);
    return static_cast<uint32_t>(found - sets.begin());
  }
  Node of(const CodePointSet& set) { return {Node::Kind::set, keep(set)}; }

  Node choice(int depth) {
    if (depth > kMaxDepth) throw Uncovered();
    Node node{Node::Kind::choice};
    do node.parts.push_back(sequence(depth));
    while (eat("|"));
    return node;
  }

  Node sequence(int depth) {
    Node node{Node::Kind::sequence};
    while (more() && !at("|") && !at(")")) node.parts.push_back(repeated(atom(depth)));
    return node;
  }

  Node atom(int depth) {
    if (at("(")) return group(depth);
    if (eat("$")) {
      if (syntax_ == Syntax::oniguruma) return {Node::Kind::next_is, keep({{'\n', '\n'}}), true};
      return {Node::Kind::next_is, keep({}), true};
    }
    if (at("[")) return of(folded(bracket(0)));
    if (eat(".")) return of(CodePointSet{{'\n', '\n'}}.complement());
    if (at("\\")) return of(folded(escape()));
    if (at("*") || at("+") || at("?") || at("^") || at("{")) throw Uncovered();
    uint32_t c = next_code_point(text_, pos_);
    return of(folded({{c, c}}));
  }

  Node group(int depth) {
    bool outer = ignore_case_;
    Node inside{Node::Kind::sequence};
    if (eat("(?!") || eat("(?=")) {
      bool negative = text_[pos_ - 1] == '!';
      CodePointSet set = single(choice(depth + 1));
      inside = {Node::Kind::next_is, keep(negative ? set.complement() : set), negative};
    } else {
      if (eat("(?i:")) {
        ignore_case_ = true;
      } else if (!eat("(?:") && (at("(?") || !eat("("))) {
        throw Uncovered();
      }
      inside = choice(depth + 1);
    }
    if (!eat(")")) throw Uncovered();
    ignore_case_ = outer;
    return inside;
  }

  // The set of a node that is one character.
  const CodePointSet& single(const Node& node) const {
    if (node.kind == Node::Kind::set) return sets[node.set];
    bool wrapper = node.kind == Node::Kind::choice || node.kind == Node::Kind::sequence;
    if (!wrapper || node.parts.size() != 1) throw Uncovered();
    return single(node.parts[0]);
  }

  // With both cases of ASCII letters, and the two characters outside ASCII that fold to one.
  CodePointSet folded(CodePointSet set) {
    if (!ignore_case_) return set;
    for (CodePointSet::Range range : std::vector(set.ranges())) {
      if (range.last > 0x7F || range.last - range.first > 25) throw Uncovered();
      for (uint32_t c = range.first; c <= range.last; ++c) {
        uint32_t lower = c | 0x20;
        if (lower < 'a' || lower > 'z') continue;
        set.add({{lower, lower}, {lower - 32, lower - 32}});
        if (lower == 's') set.add({{0x17F, 0x17F}});
        if (lower == 'k') set.add({{0x212A, 0x212A}});
      }
    }
    return set;
  }

  Node repeated(Node node) {
    for (int times = 0; more(); ++times) {
      if (times > kMaxStacked) throw Uncovered();
      int least = 0, most = -1;
      bool counted = false;
      if (eat("+")) {
        least = 1;
      } else if (eat("?")) {
        most = 1;
      } else if (at("{")) {
        counted = true;
        counts(least, most);
      } else if (!eat("*")) {
        return node;
      }
      // Repeats of what may be empty, and of lookahead, have rules of their own.
      if (may_be_empty(node)) throw Uncovered();
      Node outer{Node::Kind::repeat, 0, false, least, most};
      if (eat("?")) {
        if (counted) throw Uncovered();
        outer.mode = Node::Mode::lazy;
      } else if (at("+") && !(counted && syntax_ == Syntax::oniguruma)) {
        ++pos_;
        outer.mode = Node::Mode::possessive;
        single(node);
      }
      outer.parts.push_back(std::move(node));
      node = Node{Node::Kind::sequence};
      node.parts.push_back(std::move(outer));
    }
    return node;
  }

  void counts(int& least, int& most) {
    ++pos_;
    auto number = [&] {
      if (!more() || text_[pos_] < '0' || text_[pos_] > '9') throw Uncovered();
      int value = 0;
      for (; more() && text_[pos_] >= '0' && text_[pos_] <= '9'; ++pos_)
        if ((value = value * 10 + (text_[pos_] - '0')) > kMaxRepeat) throw Uncovered();
      return value;
    };
    least = most = number();
    if (eat(",")) most = at("}") ? -1 : number();
    if (!eat("}") || (most >= 0 && most < least)) throw Uncovered();
  }

  static bool may_be_empty(const Node& node) {
    auto empty = [](const Node& part) { return may_be_empty(part); };
    switch (node.kind) {
      case Node::Kind::set: return false;
      case Node::Kind::next_is: return true;
      case Node::Kind::sequence: return std::all_of(node.parts.begin(), node.parts.end(), empty);
      case Node::Kind::choice: return std::any_of(node.parts.begin(), node.parts.end(), empty);
      case Node::Kind::repeat: return node.least == 0 || may_be_empty(node.parts[0]);
    }
    return true;
  }

  CodePointSet word() const {
    return CodePointSet::with(syntax_ == Syntax::rust ? Property::rust_word : Property::word);
  }

  CodePointSet property(bool negated) {
    size_t close = text_.find('}', pos_);
    if (!at("{") || close == text_.npos) throw Uncovered();
    std::string_view name = text_.substr(pos_ + 1, close - pos_ - 1);
    pos_ = close + 1;
    if (name.starts_with('^')) {
      negated = !negated;
      name.remove_prefix(1);
    }
    auto set = CodePointSet::of_category(name);
    if (name == "Han") set = CodePointSet::with(Property::han);
    if (name == "Hiragana") set = CodePointSet::with(Property::hiragana);
    if (name == "Katakana") set = CodePointSet::with(Property::katakana);
    if (name == "Letter") set = CodePointSet::of_category("L");
    if (name == "Number") set = CodePointSet::of_category("N");
    if (name == "Mark") set = CodePointSet::of_category("M");
    if (!set) throw Uncovered();
    return negated ? set->complement() : *set;
  }

  CodePointSet escape() {
    ++pos_;
    if (!more()) throw Uncovered();
    char c = text_[pos_++];
    switch (c) {
      case 's': return CodePointSet::white_space();
      case 'S': return CodePointSet::white_space().complement();
      case 'd': return *CodePointSet::of_category("Nd");
      case 'D': return CodePointSet::of_category("Nd")->complement();
      case 'w': return word();
      case 'W': return word().complement();
      case 'p': return property(false);
      case 'P': return property(true);
      case 'r': return {{'\r', '\r'}};
      case 'n': return {{'\n', '\n'}};
      case 't': return {{'\t', '\t'}};
      case 'f': return {{'\f', '\f'}};
      case 'v': return {{'\v', '\v'}};
      case 'x':
      case 'u': return numbered(c == 'u' ? 4 : 2);
      default: break;
    }
    bool plain = static_cast<unsigned char>(c) < 0x80 && !std::isalnum(static_cast<unsigned char>(c));
    if (!plain) throw Uncovered();
    auto value = static_cast<uint32_t>(c);
    return {{value, value}};
  }

  CodePointSet numbered(size_t digits) {
    size_t close = at("{") ? text_.find('}', pos_) : pos_ + digits;
    size_t begin = at("{") ? pos_ + 1 : pos_;
    if (close == text_.npos || close > text_.size() || close - begin > 6 || close == begin) throw Uncovered();
    uint32_t value = 0;
    for (char c : text_.substr(begin, close - begin)) {
      if (!std::isxdigit(static_cast<unsigned char>(c))) throw Uncovered();
      value = value * 16 + static_cast<uint32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    pos_ = close + (text_[begin - 1] == '{' ? 1 : 0);
    if (value > CodePointSet::kLast) throw Uncovered();
    return {{value, value}};
  }

  CodePointSet bracket(int depth) {
    if (depth > kMaxDepth || at("[:")) throw Uncovered();
    ++pos_;
    bool negated = eat("^"), intersected = false;
    CodePointSet all, set;
    for (bool first = true; first || !at("]"); first = false) {
      if (!more()) throw Uncovered();
      if (eat("&&")) {
        all = intersected ? all.intersect(set) : set;
        intersected = true;
        set = {};
        if (at("]")) throw Uncovered();
      } else if (at("[")) {
        set.add(bracket(depth + 1));
      } else {
        set.add(item(first));
      }
    }
    ++pos_;
    if (intersected) set = all.intersect(set);
    return negated ? set.complement() : set;
  }

  // A character, an escape, or a range of characters.
  CodePointSet item(bool first) {
    if (at("]") || (at("-") && !first && !(pos_ + 1 < text_.size() && text_[pos_ + 1] == ']'))) throw Uncovered();
    auto one = [&]() -> CodePointSet {
      if (at("\\")) return escape();
      uint32_t c = next_code_point(text_, pos_);
      return {{c, c}};
    };
    auto value = [](const CodePointSet& set) {
      if (set.ranges().size() != 1 || set.ranges()[0].first != set.ranges()[0].last) throw Uncovered();
      return set.ranges()[0].first;
    };
    CodePointSet low = one();
    bool range = at("-") && pos_ + 1 < text_.size() && text_[pos_ + 1] != ']' && text_[pos_ + 1] != '[';
    if (!range) return low;
    ++pos_;
    uint32_t from = value(low), to = value(one());
    if (to < from) throw Uncovered();
    return {{from, to}};
  }

  std::string_view text_;
  Syntax syntax_;
  size_t pos_ = 0;
  bool ignore_case_ = false;
};

// Programs are written back to front: each node is given the step that follows it.
class Writer {
 public:
  explicit Writer(PatternProgram& program) : program_(program) {}

  uint32_t write(const Node& node, uint32_t next) {
    using Kind = PatternStep::Kind;
    switch (node.kind) {
      case Node::Kind::set: return step({Kind::take, false, node.set, next});
      case Node::Kind::next_is: return step({Kind::next_is, node.at_end, node.set, next});
      case Node::Kind::sequence:
        for (size_t i = node.parts.size(); i-- > 0;) next = write(node.parts[i], next);
        return next;
      case Node::Kind::choice: {
        uint32_t chosen = write(node.parts.back(), next);
        for (size_t i = node.parts.size() - 1; i-- > 0;) chosen = fork(write(node.parts[i], next), chosen);
        return chosen;
      }
      case Node::Kind::repeat: return repeat(node, next);
    }
    return next;
  }
  uint32_t step(PatternStep step) {
    if (program_.steps.size() >= kMaxSteps) throw Uncovered();
    program_.steps.push_back(step);
    return static_cast<uint32_t>(program_.steps.size() - 1);
  }

 private:
  uint32_t fork(uint32_t first, uint32_t second) { return step({PatternStep::Kind::fork, false, 0, first, second}); }

  // A possessive repeat of a set leaves off only before what is not in the set.
  uint32_t leave(const Node& node, uint32_t next) {
    if (node.mode != Node::Mode::possessive) return next;
    CodePointSet other = program_.sets[single(node.parts[0])].complement();
    program_.sets.push_back(std::move(other));
    return step({PatternStep::Kind::next_is, true, static_cast<uint32_t>(program_.sets.size() - 1), next});
  }
  static uint32_t single(const Node& node) { return node.kind == Node::Kind::set ? node.set : single(node.parts[0]); }
  uint32_t again(const Node& node, uint32_t more, uint32_t out) {
    return node.mode == Node::Mode::lazy ? fork(out, more) : fork(more, out);
  }

  uint32_t repeat(const Node& node, uint32_t next) {
    const Node& part = node.parts[0];
    uint32_t at = next;
    if (node.most < 0) {
      uint32_t out = leave(node, next);
      at = fork(0, 0);
      uint32_t body = write(part, at);
      PatternStep& loop = program_.steps[at];
      loop.first = node.mode == Node::Mode::lazy ? out : body;
      loop.second = node.mode == Node::Mode::lazy ? body : out;
    } else {
      uint32_t out = node.most > node.least ? leave(node, next) : next;
      for (int i = node.least; i < node.most; ++i) at = again(node, write(part, at), out);
    }
    for (int i = 0; i < node.least; ++i) at = write(part, at);
    return at;
  }

  PatternProgram& program_;
};

}  // namespace

std::optional<PatternProgram> parse_pattern(std::string_view pattern, Syntax syntax) {
  if (pattern.size() > kMaxLength || valid_utf8_prefix(pattern) != pattern.size()) return std::nullopt;
  try {
    Parser parser(pattern, syntax);
    Node whole = parser.run();
    PatternProgram program;
    program.sets = std::move(parser.sets);
    Writer writer(program);
    uint32_t done = writer.step({});
    program.start = writer.write(whole, done);
    return program;
  } catch (const Uncovered&) {
    return std::nullopt;
  }
}

}  // namespace loongforge::tokenizer
