// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/code_points.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace loongforge::tokenizer {
namespace {

constexpr std::string_view kData =
#include "tokenizer/unicode_data.inc"
    ;
constexpr std::array<std::string_view, 30> kCategories{"Cn", "Cc", "Cf", "Co", "Ll", "Lm", "Lo", "Lt", "Lu", "Mc",
                                                       "Me", "Mn", "Nd", "Nl", "No", "Pc", "Pd", "Pe", "Pf", "Pi",
                                                       "Po", "Ps", "Sc", "Sk", "Sm", "So", "Zl", "Zp", "Zs", "Cs"};
constexpr uint16_t kCategoryMask = 31, kSurrogate = 29;
constexpr uint32_t kBlock = 128;

struct Run {
  uint32_t first;
  uint16_t data;
};

struct Table {
  std::vector<Run> runs;  // each up to the next
  std::array<uint16_t, (CodePointSet::kLast + 1) / kBlock> blocks{};
  std::vector<uint16_t> data;

  Table() {
    for (const char *at = kData.data(), *end = at + kData.size(); at < end; ++at) {
      Run run{};
      at = std::from_chars(at, end, run.first, 16).ptr + 1;
      at = std::from_chars(at, end, run.data, 16).ptr;
      if (run.first == 0xD800) run.data = kSurrogate;
      runs.push_back(run);
    }
    fill_blocks();
  }

  void fill_blocks() {
    std::map<uint16_t, uint16_t> uniform;  // data → the block that holds only it
    size_t run = 0;
    for (uint32_t first = 0; first <= CodePointSet::kLast; first += kBlock) {
      while (run + 1 < runs.size() && runs[run + 1].first <= first) ++run;
      bool whole = run + 1 == runs.size() || runs[run + 1].first >= first + kBlock;
      auto fresh = static_cast<uint16_t>(data.size() / kBlock);
      blocks[first / kBlock] = whole ? uniform.try_emplace(runs[run].data, fresh).first->second : fresh;
      if (blocks[first / kBlock] != fresh) continue;
      for (uint32_t i = 0; i < kBlock; ++i) {
        while (run + 1 < runs.size() && runs[run + 1].first <= first + i) ++run;
        data.push_back(runs[run].data);
      }
    }
  }
};

const Table& table() {
  static const Table instance;
  return instance;
}

template <typename Accept>
CodePointSet select(Accept accept) {
  CodePointSet set;
  const auto& runs = table().runs;
  for (size_t i = 0; i < runs.size(); ++i) {
    uint32_t last = i + 1 < runs.size() ? runs[i + 1].first - 1 : CodePointSet::kLast;
    if (accept(runs[i].data)) set.add({{runs[i].first, last}});
  }
  return set;
}

}  // namespace

uint16_t code_point_data(uint32_t c) {
  if (c > CodePointSet::kLast) return 0;
  const Table& all = table();
  return all.data[size_t{all.blocks[c / kBlock]} * kBlock + c % kBlock];
}

CodePointSet::CodePointSet(std::initializer_list<Range> ranges) : ranges_(ranges) { tidy(); }

CodePointSet CodePointSet::with(Property property) {
  return select([&](uint16_t data) { return (data & static_cast<uint16_t>(property)) != 0; });
}

std::optional<CodePointSet> CodePointSet::of_category(std::string_view name) {
  if (name.empty() || name.size() > 2) return std::nullopt;
  std::array<bool, 32> chosen{};
  bool known = false;
  for (size_t i = 0; i < kCategories.size(); ++i) known |= chosen[i] = kCategories[i].starts_with(name);
  if (!known) return std::nullopt;
  return select([&](uint16_t data) { return chosen[data & kCategoryMask]; });
}

CodePointSet CodePointSet::white_space() {
  return {{0x09, 0x0D},     {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
          {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};
}

void CodePointSet::tidy() {
  std::sort(ranges_.begin(), ranges_.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  std::vector<Range> tidied;
  for (const Range& range : ranges_) {
    if (!tidied.empty() && range.first <= tidied.back().last + 1) {
      tidied.back().last = std::max(tidied.back().last, range.last);
    } else {
      tidied.push_back(range);
    }
  }
  ranges_ = std::move(tidied);
}

void CodePointSet::add(const CodePointSet& other) {
  bool appended = ranges_.empty() || other.ranges_.empty() || other.ranges_.front().first > ranges_.back().last + 1;
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
  if (!appended) tidy();
}

CodePointSet CodePointSet::complement() const {
  CodePointSet out;
  uint32_t from = 0;
  for (const Range& range : ranges_) {
    if (range.first > from) out.ranges_.push_back({from, range.first - 1});
    from = range.last + 1;
  }
  if (from <= kLast) out.ranges_.push_back({from, kLast});
  return out;
}

CodePointSet CodePointSet::intersect(const CodePointSet& other) const {
  CodePointSet either = complement();
  either.add(other.complement());
  return either.complement();
}

bool CodePointSet::contains(uint32_t c) const {
  auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), c, [](uint32_t x, const Range& r) { return x < r.first; });
  return after != ranges_.begin() && c <= (after - 1)->last;
}

}  // namespace loongforge::tokenizer
