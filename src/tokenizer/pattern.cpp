// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pattern.h"

#include <algorithm>
#include <map>

#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {

// Subset construction with ordered subsets. A state is the list of steps that wait for a character, before forks and
// lookahead are followed: those need the next character.
class AutomatonBuilder {
 public:
  explicit AutomatonBuilder(const PatternProgram& program) : program_(program) {}

  bool run(PatternAutomaton& out) {
    if (!number_classes(out)) return false;
    out.columns_ = static_cast<uint32_t>(samples_.size() + 1);
    states_ = {{}, {program_.start}};
    numbers_ = {{{}, 0}, {{program_.start}, 1}};
    for (size_t state = 0; state < states_.size(); ++state) {
      for (uint32_t column = 0; column < out.columns_; ++column) out.moves_.push_back(move(state, column));
      if (states_.size() > kMaxStates || work_ > kMaxWork) return false;
    }
    return true;
  }

 private:
  static constexpr size_t kMaxStates = 1500, kMaxClasses = 250, kMaxWork = 20'000'000;
  using State = std::vector<uint32_t>;

  // Code points that no set tells apart share a class.
  bool number_classes(PatternAutomaton& out) {
    std::vector<uint32_t> cuts{0};
    for (const CodePointSet& set : program_.sets)
      for (auto range : set.ranges()) {
        cuts.push_back(range.first);
        cuts.push_back(range.last + 1);
      }
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    std::map<std::vector<bool>, uint8_t> known;
    std::vector<uint8_t> of_cut;
    for (uint32_t cut : cuts) {
      std::vector<bool> in;
      for (const CodePointSet& set : program_.sets) in.push_back(set.contains(cut));
      auto [found, fresh] = known.try_emplace(in, static_cast<uint8_t>(known.size()));
      if (fresh) samples_.push_back(std::move(in));
      if (samples_.size() > kMaxClasses) return false;
      of_cut.push_back(found->second);
    }
    fill_table(out, cuts, of_cut);
    return true;
  }

  static void fill_table(PatternAutomaton& out, const std::vector<uint32_t>& cuts, const std::vector<uint8_t>& of_cut) {
    constexpr uint32_t kBlock = PatternAutomaton::kBlock;
    std::map<uint8_t, uint16_t> uniform;
    size_t cut = 0;
    for (uint32_t first = 0; first <= CodePointSet::kLast; first += kBlock) {
      while (cut + 1 < cuts.size() && cuts[cut + 1] <= first) ++cut;
      bool whole = cut + 1 == cuts.size() || cuts[cut + 1] >= first + kBlock;
      auto fresh = static_cast<uint16_t>(out.classes_.size() / kBlock);
      out.blocks_.push_back(whole ? uniform.try_emplace(of_cut[cut], fresh).first->second : fresh);
      if (out.blocks_.back() != fresh) continue;
      for (uint32_t i = 0; i < kBlock; ++i) {
        while (cut + 1 < cuts.size() && cuts[cut + 1] <= first + i) ++cut;
        out.classes_.push_back(of_cut[cut]);
      }
    }
    std::copy_n(out.classes_.begin(), out.ascii_.size(), out.ascii_.begin());
  }

  bool in_set(uint32_t set, uint32_t column) const { return column < samples_.size() && samples_[column][set]; }

  // Follows forks and lookahead from `step` in order of preference; false once a match is reached, which hides the
  // rest.
  bool follow(uint32_t step, uint32_t column, State& taken, bool& accepted) {
    ++work_;
    if (seen_[step]) return true;
    seen_[step] = true;
    const PatternStep& at = program_.steps[step];
    switch (at.kind) {
      case PatternStep::Kind::done: accepted = true; return false;
      case PatternStep::Kind::take:
        if (in_set(at.set, column) && std::find(taken.begin(), taken.end(), at.first) == taken.end())
          taken.push_back(at.first);
        return true;
      case PatternStep::Kind::next_is: {
        bool holds = column == samples_.size() ? at.at_end : in_set(at.set, column);
        return !holds || follow(at.first, column, taken, accepted);
      }
      case PatternStep::Kind::fork:
        return follow(at.first, column, taken, accepted) && follow(at.second, column, taken, accepted);
    }
    return true;
  }

  uint16_t move(size_t state, uint32_t column) {
    State taken;
    bool accepted = false;
    seen_.assign(program_.steps.size(), false);
    State from = states_[state];
    for (uint32_t step : from)
      if (!follow(step, column, taken, accepted)) break;
    auto [found, fresh] = numbers_.try_emplace(taken, static_cast<uint16_t>(states_.size()));
    if (fresh) states_.push_back(taken);
    return static_cast<uint16_t>(found->second | (accepted ? PatternAutomaton::kAccept : 0));
  }

  const PatternProgram& program_;
  std::vector<std::vector<bool>> samples_;  // of each class, the sets it is in
  std::vector<State> states_;
  std::map<State, uint16_t> numbers_;
  std::vector<bool> seen_;
  size_t work_ = 0;
};

std::optional<PatternAutomaton> PatternAutomaton::build(const PatternProgram& program) {
  PatternAutomaton automaton;
  if (!AutomatonBuilder(program).run(automaton)) return std::nullopt;
  return automaton;
}

size_t PatternAutomaton::match_at(std::string_view text, size_t begin) const {
  size_t end = kNone, pos = begin;
  size_t state = 1;
  while (pos < text.size()) {
    size_t here = pos;
    auto byte = static_cast<uint8_t>(text[pos]);
    uint32_t column;
    if (byte < 0x80) {
      column = ascii_[byte];
      ++pos;
    } else {
      uint32_t c = next_code_point(text, pos);
      column = classes_[size_t{blocks_[c / kBlock]} * kBlock + c % kBlock];
    }
    uint16_t to = moves_[state * columns_ + column];
    if (to & kAccept) end = here;
    state = to & (kAccept - 1u);
    if (state == kDead) return end;
  }
  if (moves_[state * columns_ + columns_ - 1] & kAccept) end = pos;
  return end;
}

}  // namespace loongforge::tokenizer
