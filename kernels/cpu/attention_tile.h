// SPDX-License-Identifier: Apache-2.0
// A tile of scores: a block of queries against a block of keys, and which of its cells are seen.
#pragma once
#include "kernels/cpu/attention.h"
#include "kernels/cpu/pack.h"

namespace loongforge::cpu::LF_ISA {

constexpr int kBlock = kAttentionBlock;  ///< queries and keys of a tile at most
constexpr int kGap = 16;                 ///< elements between rows of workspaces, against equal cache sets
static_assert(kBlock % kTileRows == 0 && kBlock % kPanel == 0);

/// Which keys the queries of one document see.
struct Sight {
  Sight(const AttentionArgs& args, int64_t document)
      : queries(args.q_borders[document + 1] - args.q_borders[document]),
        keys(args.k_borders[document + 1] - args.k_borders[document]),
        window(args.window),
        causal(args.causal) {}

  int64_t queries, keys, window;
  bool causal;

  int64_t position(int64_t query) const { return query + keys - queries; }
  /// The first key that `query` sees, and one past the last; none when they don't rise.
  int64_t first(int64_t query) const { return window > 0 ? larger(0, position(query) - window + 1) : 0; }
  int64_t behind(int64_t query) const { return causal ? larger(0, smaller(keys, position(query) + 1)) : keys; }
  bool sees_any(int64_t query) const { return first(query) < behind(query); }
  /// The first query that sees a key at or behind `key`, and one past the last that sees one before `key`.
  int64_t first_query(int64_t key) const { return causal ? larger(0, key - keys + queries) : 0; }
  int64_t behind_query(int64_t key) const {
    return window > 0 ? smaller(queries, larger(0, key - 1 + window - keys + queries)) : queries;
  }
};

struct Tile {
  int64_t query, key;  ///< of the corner, within the document
  int queries, keys;

  /// Rows including the padding to whole row groups.
  int rows() const { return round_up(queries, kTileRows); }
  /// Columns that the group of kTileRows rows at `row` may see: no more are computed for it.
  int reach(const Sight& sight, int row) const {
    return static_cast<int>(larger(0, smaller(keys, sight.behind(query + row + kTileRows - 1) - key)));
  }
};

/// Columns [from, to) of a row are seen, of `extent` ≥ to that are computed.
struct Seen {
  Seen(const Sight& sight, const Tile& tile, int row, int reach)
      : from(static_cast<int>(larger(0, sight.first(tile.query + row) - tile.key))),
        to(static_cast<int>(larger(0, smaller(tile.keys, sight.behind(tile.query + row) - tile.key)))),
        extent(round_up(reach, kWidth)) {}
  int from, to, extent;

  bool all() const { return from == 0 && to == extent; }
  /// `x` where columns [column, column + kWidth) are seen, `otherwise` elsewhere.
  F32 where(F32 lanes, int column, F32 x, F32 otherwise) const {
    const F32 at = lanes + static_cast<float>(column);
    return (at >= static_cast<float>(from)) & (at < static_cast<float>(to)) ? x : otherwise;
  }
};

/// scores[row, key] = rows · panels, `stride` between rows of scores.
template <class E>
void score_tile(const Sight& sight, const Tile& tile, const Width<E>& width, const E* rows, int row_stride,
                const E* panels, float* scores, int stride) {
  for (int p = 0; p < tile.keys; p += kPanel) {
    for (int row = 0; row < tile.rows(); row += kTileRows) {
      const int reach = tile.reach(sight, row);
      if (reach <= p) continue;
      panel_product<Start::zero>(reach - p, width.depth, rows + row * row_stride, row_stride, 1,
                                 panels + p * width.depth, kPanel, scores + row * stride + p, stride);
    }
  }
}

/// out[row] += weights[row, keys] · panels, where weights hold operand elements along the keys.
template <class E>
void accumulate_rows(const Sight& sight, const Tile& tile, const Width<E>& width, const E* weights, int weight_stride,
                     const E* panels, int64_t panel_step, float* out, int stride) {
  for (int p = 0; p < width.panels; ++p) {
    for (int row = 0; row < tile.rows(); row += kTileRows) {
      const int depth = round_up(tile.reach(sight, row), kSteps<E>) / kSteps<E>;
      if (depth == 0) continue;
      panel_product<Start::sum>(width.columns(p), depth, weights + row * weight_stride, weight_stride, 1,
                                panels + p * panel_step, kPanel, out + row * stride + p * kPanel, stride);
    }
  }
}

/// Rows of a head of document rows that begin at `border`.
template <class T>
const T* head_rows(const ConstHeads& heads, int64_t border, int64_t group, int64_t head) {
  return static_cast<const T*>(heads.data) + border * heads.strides.row + group * heads.strides.group +
         head * heads.strides.head;
}
template <class T>
T* head_rows(const Heads& heads, int64_t border, int64_t group, int64_t head) {
  return static_cast<T*>(heads.data) + border * heads.strides.row + group * heads.strides.group +
         head * heads.strides.head;
}

}  // namespace loongforge::cpu::LF_ISA
