// SPDX-License-Identifier: Apache-2.0
// Ledgers as text, and the comparison that names a culprit.
#include <algorithm>
#include <array>
#include <map>

#include "loongforge/comm/ledger.h"
#include "loongforge/core/dtype.h"
#include "loongforge/core/error.h"

namespace loongforge::comm {
namespace {

constexpr std::array<std::string_view, 8> kOpNames{"all_reduce", "all_gather", "reduce_scatter", "all_to_all_v",
                                                   "broadcast",  "send",       "recv",           "barrier"};
constexpr std::array<std::string_view, 5> kStateNames{"empty", "enqueued", "started", "completed", "failed"};

std::string operation_text(const LedgerRecord& record) {
  std::string text{op_name(record.op)};
  if (record.dtype != LedgerRecord::kNoDtype) {
    text += fmt::format(" {} [", dtype_name(static_cast<Dtype>(record.dtype)));
    for (int i = 0; i < record.dims; ++i) text += fmt::format("{}{}", i ? ", " : "", record.shape[i]);
    text += "]";
  }
  return text;
}

bool same_operation(const LedgerRecord& a, const LedgerRecord& b) {
  // The split sizes of an uneven exchange, and so its shapes, rightly differ between ranks.
  const bool same_shape = a.op == OpKind::all_to_all_v ||
                          (a.dims == b.dims && std::equal(a.shape, a.shape + a.dims, b.shape));
  return a.op == b.op && a.dtype == b.dtype && same_shape;
}

/// The collectives of one group: sequence → (rank → record).
using GroupHistory = std::map<uint64_t, std::map<int, const LedgerRecord*>>;

void report_lagging(const std::string& group, const GroupHistory& history, const std::map<int, uint64_t>& last,
                    std::vector<std::string>& out) {
  uint64_t furthest = 0;
  for (const auto& [rank, sequence] : last) furthest = std::max(furthest, sequence);
  for (const auto& [rank, sequence] : last) {
    if (sequence == furthest) continue;
    std::string missing = "the next collective";
    if (auto it = history.find(sequence + 1); it != history.end() && !it->second.empty()) {
      missing = operation_text(*it->second.begin()->second);
    }
    out.push_back(fmt::format("rank {} never called collective {} of group {} ({}); others have reached {}", rank,
                              sequence + 1, group, missing, furthest));
  }
}

void report_mismatches(const std::string& group, const GroupHistory& history, std::vector<std::string>& out) {
  for (const auto& [sequence, by_rank] : history) {
    const auto& [first_rank, first] = *by_rank.begin();
    for (const auto& [rank, record] : by_rank) {
      if (same_operation(*first, *record)) continue;
      out.push_back(fmt::format("rank {} called {} as collective {} of group {} where rank {} called {}", rank,
                                operation_text(*record), sequence, group, first_rank, operation_text(*first)));
      return;
    }
  }
}

}  // namespace

std::string_view op_name(OpKind kind) { return kOpNames.at(static_cast<size_t>(kind)); }
std::string_view state_name(OpState state) { return kStateNames.at(static_cast<size_t>(state)); }

std::string to_text(const LedgerRecord& record) {
  std::string text = fmt::format("{:>6} {} #{} {}", record.id, record.group, record.sequence, operation_text(record));
  if (record.peer >= 0) text += fmt::format(" {} {}", record.op == OpKind::broadcast ? "root" : "peer", record.peer);
  if (is_message(record.op)) text += fmt::format(" tag {}", record.tag);
  text += fmt::format(" {} B {}", record.bytes, state_name(record.state));
  const auto micros = [&](int64_t ns) { return static_cast<double>(ns - record.enqueue_ns) * 1e-3; };
  text += fmt::format(" at {}.{:09}", record.enqueue_ns / 1000000000, record.enqueue_ns % 1000000000);
  if (record.start_ns) text += fmt::format(" start +{:.1f} us", micros(record.start_ns));
  if (record.end_ns) text += fmt::format(" end +{:.1f} us", micros(record.end_ns));
  return text;
}

std::string to_text(const LedgerFile& ledger) {
  std::string text = fmt::format("rank {}: {} operations\n", ledger.rank, ledger.records.size());
  for (const auto& record : ledger.records) text += to_text(record) + "\n";
  return text;
}

std::vector<std::string> find_culprits(const std::vector<LedgerFile>& ledgers) {
  std::map<std::string, GroupHistory> groups;
  std::map<std::string, std::map<int, uint64_t>> last;
  for (const auto& ledger : ledgers) {
    for (const auto& record : ledger.records) {
      if (is_message(record.op)) continue;
      groups[record.group][record.sequence][ledger.rank] = &record;
      last[record.group][ledger.rank] = record.sequence;
    }
  }
  std::vector<std::string> sentences;
  for (const auto& [group, history] : groups) report_mismatches(group, history, sentences);
  for (const auto& [group, history] : groups) report_lagging(group, history, last[group], sentences);
  return sentences;
}

}  // namespace loongforge::comm
