// SPDX-License-Identifier: Apache-2.0
// Memory to memory: every rank computes the same list of box moves from the descriptors of all, then runs its part.
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "ckpt/descriptors.h"
#include "loongforge/ckpt/boxes.h"
#include "loongforge/ckpt/reshard.h"
#include "loongforge/core/error.h"
#include "loongforge/platform/dtype.h"

namespace loongforge::ckpt {

namespace {

constexpr int64_t kAlign = 16;  // bytes; views of the transfer buffers as any element type start on it

struct Move {
  int from = 0, to = 0;        // ranks
  size_t source = 0, target = 0;  // indices in their lists
  spec::Box part;
  Dtype dtype = Dtype::f32;    // of the source
  int64_t bytes() const {
    const auto raw = part.numel() * static_cast<int64_t>(dtype_size(dtype));
    return (raw + kAlign - 1) / kAlign * kAlign;
  }
};

using Described = std::vector<std::vector<Descriptor>>;

class Planner {
 public:
  explicit Planner(const Described& sources) : sources_(sources) {
    for (size_t rank = 0; rank < sources.size(); ++rank) {
      for (size_t i = 0; i < sources[rank].size(); ++i) {
        by_param_[sources[rank][i].param].emplace_back(static_cast<int>(rank), i);
      }
    }
  }

  /// Moves that fill one target; its own rank's boxes come first, then the lowest rank's.
  void fill(int rank, size_t index, const Descriptor& target, std::vector<Move>& moves) const {
    std::vector<spec::Box> open{target.box};
    const auto found = by_param_.find(target.param);
    if (found != by_param_.end()) {
      for (const bool own : {true, false}) {
        for (const auto& [from, source] : found->second) {
          if (open.empty()) return;
          if ((from == rank) == own) take(from, source, rank, index, open, moves);
        }
      }
    }
    std::erase_if(open, [](const spec::Box& box) { return box.numel() == 0; });
    if (!open.empty()) {
      throw std::logic_error(fmt::format("no rank holds {}{}", target.param, describe(open.front())));
    }
  }

 private:
  void take(int from, size_t source, int to, size_t target, std::vector<spec::Box>& open, std::vector<Move>& moves) const {
    const Descriptor& has = sources_[static_cast<size_t>(from)][source];
    for (const auto& box : open) {
      if (auto part = spec::intersect(box, has.box); part && part->numel() > 0) {
        moves.push_back({from, to, source, target, *part, has.dtype});
      }
    }
    open = subtract(open, has.box);
  }

  const Described& sources_;
  std::map<std::string, std::vector<std::pair<int, size_t>>> by_param_;
};

class Exchange {
 public:
  Exchange(std::span<const comm::PlacedBox> sources, std::span<const comm::PlacedBox> targets, const comm::Group& group)
      : sources_(sources), targets_(targets), group_(group) {}

  void copy_locally(const Move& move) const { target_view(move).copy_(source_view(move)); }

  /// One all-to-all of packed bytes.
  void run_round(std::span<const Move> moves) const {
    const auto ranks = static_cast<size_t>(group_.size());
    std::vector<int64_t> out_bytes(ranks, 0), in_bytes(ranks, 0);
    for (const auto& move : moves) {
      if (move.from == group_.rank()) in_bytes[static_cast<size_t>(move.to)] += move.bytes();
      if (move.to == group_.rank()) out_bytes[static_cast<size_t>(move.from)] += move.bytes();
    }
    const auto total = [](const std::vector<int64_t>& counts) { int64_t sum = 0; for (int64_t n : counts) sum += n; return sum; };
    const auto options = at::TensorOptions().dtype(at::ScalarType::Byte).device(group_.device());
    const at::Tensor send = at::empty({total(in_bytes)}, options), receive = at::empty({total(out_bytes)}, options);
    walk(moves, in_bytes, /*sending=*/true, send);
    group_.all_to_all_v(receive, send, out_bytes, in_bytes).wait();
    walk(moves, out_bytes, /*sending=*/false, receive);
  }

 private:
  at::Tensor source_view(const Move& move) const {
    const auto& box = sources_[move.source];
    return box_view(box.data, box.logical, move.part);
  }
  at::Tensor target_view(const Move& move) const {
    const auto& box = targets_[move.target];
    return box_view(box.data, box.logical, move.part);
  }
  /// Packs into or unpacks from the buffer: parts by rank, then in the order of the moves.
  void walk(std::span<const Move> moves, const std::vector<int64_t>& bytes, bool sending, const at::Tensor& buffer) const {
    std::vector<int64_t> at(bytes.size(), 0);
    for (size_t rank = 1; rank < bytes.size(); ++rank) at[rank] = at[rank - 1] + bytes[rank - 1];
    for (const auto& move : moves) {
      if ((sending ? move.from : move.to) != group_.rank()) continue;
      int64_t& offset = at[static_cast<size_t>(sending ? move.to : move.from)];
      const int64_t raw = move.part.numel() * static_cast<int64_t>(dtype_size(move.dtype));
      const at::Tensor packed = buffer.narrow(0, offset, raw).view(platform::to_torch(move.dtype)).view(move.part.size);
      if (sending) packed.copy_(source_view(move));
      else target_view(move).copy_(packed);
      offset += move.bytes();
    }
  }

  std::span<const comm::PlacedBox> sources_, targets_;
  const comm::Group& group_;
};

/// Cuts a move so that a single large box doesn't outgrow a round.
void append_bounded(const Move& move, uint64_t limit, std::vector<Move>& moves) {
  const auto most = std::max<int64_t>(1, static_cast<int64_t>(limit / dtype_size(move.dtype)));
  for (auto& part : split(move.part, most)) {
    moves.push_back(move);
    moves.back().part = std::move(part);
  }
}

}  // namespace

void redistribute(std::span<const comm::PlacedBox> sources, std::span<const comm::PlacedBox> targets,
                  const comm::Group& group, const ExchangeOptions& options) {
  c10::AutoGradMode no_recording(false);
  const auto all_sources = gather_descriptors(sources, group), all_targets = gather_descriptors(targets, group);
  const Planner planner(all_sources);
  std::vector<Move> remote;
  const Exchange exchange(sources, targets, group);
  for (size_t rank = 0; rank < all_targets.size(); ++rank) {
    for (size_t i = 0; i < all_targets[rank].size(); ++i) {
      std::vector<Move> moves;
      planner.fill(static_cast<int>(rank), i, all_targets[rank][i], moves);
      for (auto& move : moves) {
        if (move.from != move.to) append_bounded(move, options.round_bytes, remote);
        else if (move.to == group.rank()) exchange.copy_locally(move);
      }
    }
  }
  const auto limit = static_cast<int64_t>(options.round_bytes) * group.size();
  for (size_t begin = 0; begin < remote.size();) {
    size_t end = begin;
    for (int64_t bytes = 0; end < remote.size() && (end == begin || bytes < limit); ++end) bytes += remote[end].bytes();
    exchange.run_round(std::span(remote).subspan(begin, end - begin));
    begin = end;
  }
}

}  // namespace loongforge::ckpt
