// SPDX-License-Identifier: Apache-2.0
// The backward unit of one group: dq, or dk and dv, or all three in one pass over the tiles (five products a tile;
// seven when divided). Sums run over tiles in the same order either way, so a divided document gives the same bits.
#pragma once
#include "kernels/cpu/attention_tile.h"

namespace loongforge::cpu::LF_ISA {

/// Weights and score gradients of one tile: for sums over queries (dv, dk) and, by rows, for the sum over keys (dq).
/// With float elements one array serves both.
template <class E>
struct TileGradients {
  E *weights, *scores, *scores_by_row;
  int stride, row_stride;  ///< of the summed arrays between operand rows, of scores_by_row between rows
};

/// Columns [column, column + kWidth) of rows `row` and `row + 1`; w weights, s score gradients.
[[gnu::always_inline]] inline void store_gradients(const TileGradients<float>& to, AttentionPart, int row, int column,
                                                   const F32 (&w)[2], const F32 (&s)[2]) {
  for (int i = 0; i < 2; ++i) {
    store(to.weights + (row + i) * to.stride + column, w[i]);
    store(to.scores + (row + i) * to.stride + column, s[i]);
  }
}

#if defined(__AVX512BF16__)
/// (even, odd) of each lane, rounded.
[[gnu::always_inline]] inline void store_pairs(Bf16Pair* to, F32 even, F32 odd) {
  const __m512i halves = (__m512i)_mm512_cvtne2ps_pbh(odd, even);
  const __m512i alternate = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                             21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  _mm512_storeu_si512(to, _mm512_permutexvar_epi16(alternate, halves));
}

[[gnu::always_inline]] inline void store_gradients(const TileGradients<Bf16Pair>& to, AttentionPart part, int row,
                                                   int column, const F32 (&w)[2], const F32 (&s)[2]) {
  if (part != AttentionPart::queries) {
    store_pairs(to.weights + row / 2 * to.stride + column, w[0], w[1]);
    store_pairs(to.scores + row / 2 * to.stride + column, s[0], s[1]);
  }
  if (part != AttentionPart::keys_values) {
    for (int i = 0; i < 2; ++i) {
      store(reinterpret_cast<Bf16*>(to.scores_by_row + (row + i) * to.row_stride) + column, s[i]);
    }
  }
}
#endif

/// T is stored, E multiplied: floats, or pairs of bf16 where those are faster.
template <class T, class E>
class AttentionBackward {
  static constexpr bool kOneForm = kSteps<E> == 1;  ///< operands by row serve sums over rows too

 public:
  AttentionBackward(const AttentionArgs& args, const AttentionUnit& unit, Arena& arena)
      : args_(args),
        unit_(unit),
        sight_(args, unit.document),
        width_(args.head_dim),
        exponent_(args.scale * kLog2E),
        query_begin_(unit.part == AttentionPart::queries ? unit.begin : 0),
        query_end_(unit.part == AttentionPart::queries ? unit.end : sight_.queries) {
    take_operands(arena);
    take_tiles(arena);
  }

  void run() {
    if (wants_queries()) memset(dq_, 0, sizeof(float) * dq_size() * args_.heads_per_group);
    const bool all_keys = unit_.part != AttentionPart::keys_values;
    const int64_t end = all_keys ? sight_.keys : unit_.end;
    for (int64_t key = all_keys ? 0 : unit_.begin; key < end; key += kBlock) {
      block_of_keys(key, static_cast<int>(smaller(kBlock, sight_.keys - key)));
    }
    if (wants_queries()) {
      for (int64_t head = 0; head < args_.heads_per_group; ++head) write_queries(head);
    }
  }

 private:
  static constexpr int kScoreStride = kBlock + kGap;
  static constexpr int kByRowStride = kBlock / kSteps<E> + kGap;
  static constexpr int kKeyRows = kBlock / kSteps<E>;
  bool wants_queries() const { return unit_.part != AttentionPart::keys_values; }
  bool wants_keys_values() const { return unit_.part != AttentionPart::queries; }
  int wide_stride() const { return width_.panels * kPanel + kGap; }
  int by_row_stride() const { return kOneForm ? wide_stride() : width_.depth + kGap; }
  int64_t dq_size() const {
    return static_cast<int64_t>(round_up(query_end_ - query_begin_, kTileRows)) * wide_stride();
  }

  void take_operands(Arena& arena) {
    key_columns_ = arena.take<E>(kBlock * width_.depth);
    value_columns_ = arena.take<E>(kBlock * width_.depth);
    key_rows_ = arena.take<E>(kKeyRows * width_.panels * kPanel);
    queries_ = arena.take<E>(kBlock * by_row_stride());
    d_out_ = arena.take<E>(kBlock * by_row_stride());
    summed_queries_ = kOneForm ? queries_ : arena.take<E>(kKeyRows * wide_stride());
    summed_d_out_ = kOneForm ? d_out_ : arena.take<E>(kKeyRows * wide_stride());
  }

  void take_tiles(Arena& arena) {
    scores_ = arena.take<float>(kBlock * kScoreStride);
    products_ = arena.take<float>(kBlock * kScoreStride);
    if (kOneForm) {
      E *weights = reinterpret_cast<E*>(scores_), *gradients = reinterpret_cast<E*>(products_);
      tile_ = {weights, gradients, gradients, kScoreStride, kScoreStride};
    } else {
      tile_.weights = arena.take<E>(kKeyRows * kScoreStride);
      tile_.scores = arena.take<E>(kKeyRows * kScoreStride);
      tile_.scores_by_row = arena.take<E>(kBlock * kByRowStride);
      tile_.stride = kScoreStride;
      tile_.row_stride = kByRowStride;
    }
    dk_ = arena.take<float>(kBlock * wide_stride());
    dv_ = arena.take<float>(kBlock * wide_stride());
    dq_ = wants_queries() ? arena.take<float>(dq_size() * args_.heads_per_group) : nullptr;
  }

  void block_of_keys(int64_t key, int keys) {
    const int64_t begin = larger(query_begin_, sight_.first_query(key) / kBlock * kBlock);
    const int64_t end = smaller(query_end_, sight_.behind_query(key + keys));
    if (begin >= end && !wants_keys_values()) return;
    load_keys(key, keys);
    if (wants_keys_values()) {
      memset(dk_, 0, sizeof(float) * kBlock * wide_stride());
      memset(dv_, 0, sizeof(float) * kBlock * wide_stride());
    }
    for (int64_t head = 0; head < args_.heads_per_group; ++head) {
      for (int64_t query = begin; query < end; query += kBlock) {
        const int queries = static_cast<int>(smaller(kBlock, query_end_ - query));
        const int64_t reach = smaller(keys, sight_.behind(query + queries - 1) - key);
        if (reach > 0) differentiate(head, {query, key, queries, static_cast<int>(reach)});
      }
    }
    if (wants_keys_values()) write_keys_values(key, keys);
  }

  void load_keys(int64_t key, int keys) {
    const int64_t border = args_.k_borders[unit_.document] + key;
    const T *k = head_rows<T>(args_.k, border, unit_.group, 0), *v = head_rows<T>(args_.v, border, unit_.group, 0);
    pack_transposed(k, args_.k.strides.row, keys, key_columns_, width_);
    pack_transposed(v, args_.v.strides.row, keys, value_columns_, width_);
    if (wants_queries()) pack_summed_rows(k, args_.k.strides.row, keys, key_rows_, kKeyRows * kPanel, width_);
  }

  void load_queries(int64_t head, const Tile& tile) {
    const int64_t border = args_.q_borders[unit_.document] + tile.query;
    const int rows = tile.rows(), by_row = kOneForm ? width_.wide : width_.depth;
    const T *q = head_rows<T>(args_.q, border, unit_.group, head),
            *g = head_rows<T>(args_.d_out, border, unit_.group, head);
    const int64_t q_step = args_.q.strides.row, g_step = args_.d_out.strides.row;
    copy_rows(q, q_step, tile.queries, rows, width_.features, queries_, by_row_stride(), by_row);
    copy_rows(g, g_step, tile.queries, rows, width_.features, d_out_, by_row_stride(), by_row);
    if (!kOneForm && wants_keys_values()) {
      copy_summed_rows(q, q_step, tile.queries, rows, summed_queries_, wide_stride(), width_);
      copy_summed_rows(g, g_step, tile.queries, rows, summed_d_out_, wide_stride(), width_);
    }
    const int64_t at = (unit_.group * args_.heads_per_group + head) * args_.rows + border;
    for (int row = 0; row < rows; ++row) {
      const bool there = row < tile.queries;
      log2_sum_[row] = there ? args_.lse[at + row] * kLog2E : kNoWeight;
      delta_[row] = there ? args_.delta[at + row] : 0;
    }
  }

  void differentiate(int64_t head, const Tile& tile) {
    load_queries(head, tile);
    score_tile(sight_, tile, width_, queries_, by_row_stride(), key_columns_, scores_, kScoreStride);
    score_tile(sight_, tile, width_, d_out_, by_row_stride(), value_columns_, products_, kScoreStride);
    for (int row = 0; row < tile.rows(); row += kTileRows) {
      const int reach = tile.reach(sight_, row);
      if (reach == 0) continue;
      for (int r = row; r < row + kTileRows; r += 2) {
        score_gradients(r, Seen(sight_, tile, r, reach), Seen(sight_, tile, r + 1, reach));
      }
    }
    if (wants_keys_values()) {
      accumulate_keys(tile, tile_.weights, summed_d_out_, dv_);
      accumulate_keys(tile, tile_.scores, summed_queries_, dk_);
    }
    if (wants_queries()) {
      accumulate_rows(sight_, tile, width_, tile_.scores_by_row, tile_.row_stride, key_rows_, kKeyRows * kPanel,
                      dq_ + head * dq_size() + (tile.query - query_begin_) * wide_stride(), wide_stride());
    }
  }

  /// Of rows `row` and `row + 1`: weight = 2^(score − log₂ Σ), gradient = weight·(d_out·v − delta), both zero where
  /// unseen.
  void score_gradients(int row, const Seen& first, const Seen& second) {
    const Seen* seen[2] = {&first, &second};
    const bool all = first.all() && second.all();
    const F32 lanes = lane_numbers();
    // Locals: the stores below could change members, for all that the compiler knows.
    const F32 shift[2] = {broadcast(log2_sum_[row]), broadcast(log2_sum_[row + 1])};
    const F32 delta[2] = {broadcast(delta_[row]), broadcast(delta_[row + 1])}, exponent = broadcast(exponent_);
    const float *scores = scores_ + row * kScoreStride, *products = products_ + row * kScoreStride;
    const TileGradients<E> to = tile_;
    const AttentionPart part = unit_.part;
    for (int j = 0; j < first.extent; j += kWidth) {
      F32 weight[2], gradient[2];
      for (int i = 0; i < 2; ++i) {
        const int at = i * kScoreStride + j;
        weight[i] = exp2(load(scores + at) * exponent - shift[i]);
        gradient[i] = weight[i] * (load(products + at) - delta[i]);
        if (!all) {
          weight[i] = seen[i]->where(lanes, j, weight[i], F32{});
          gradient[i] = seen[i]->where(lanes, j, gradient[i], F32{});
        }
      }
      store_gradients(to, part, row, j, weight, gradient);
    }
  }

  /// to[key] += Σ over the tile's queries of tile[query, key] · rows[query].
  void accumulate_keys(const Tile& tile, const E* values, const E* rows, float* to) {
    for (int p = 0; p < width_.panels; ++p) {
      for (int key = 0; key < tile.keys; key += kTileRows) {
        const int first =
            static_cast<int>(larger(0, sight_.first_query(tile.key + key) - tile.query)) / kTileRows * kTileRows;
        const int at = first / kSteps<E>, depth = (tile.rows() - first) / kSteps<E>;
        if (depth <= 0) continue;
        panel_product<Start::sum>(width_.columns(p), depth, values + at * tile_.stride + key, 1, tile_.stride,
                                  rows + at * wide_stride() + p * kPanel, wide_stride(),
                                  to + key * wide_stride() + p * kPanel, wide_stride());
      }
    }
  }

  void write_keys_values(int64_t key, int keys) {
    const int64_t border = args_.k_borders[unit_.document] + key;
    T *dk = head_rows<T>(args_.dk, border, unit_.group, 0), *dv = head_rows<T>(args_.dv, border, unit_.group, 0);
    for (int row = 0; row < keys; ++row) {
      write_row(dk_ + row * wide_stride(), args_.scale, dk + row * args_.dk.strides.row, width_.features);
      write_row(dv_ + row * wide_stride(), 1.0f, dv + row * args_.dv.strides.row, width_.features);
    }
  }

  void write_queries(int64_t head) {
    const int64_t border = args_.q_borders[unit_.document] + query_begin_;
    T* dq = head_rows<T>(args_.dq, border, unit_.group, head);
    const float* from = dq_ + head * dq_size();
    for (int64_t row = 0; row < query_end_ - query_begin_; ++row) {
      write_row(from + row * wide_stride(), args_.scale, dq + row * args_.dq.strides.row, width_.features);
    }
  }

  static constexpr float kNoWeight = 1e30f;  ///< log₂ Σ of a padding row: 2^(0 − 1e30) = 0

  const AttentionArgs& args_;
  const AttentionUnit& unit_;
  Sight sight_;
  Width<E> width_;
  float exponent_;  ///< of 2 for a score of 1
  int64_t query_begin_, query_end_;
  E *key_columns_, *value_columns_, *key_rows_, *queries_, *d_out_, *summed_queries_, *summed_d_out_;
  float *scores_, *products_;  ///< q·k and d_out·v of the tile
  TileGradients<E> tile_;
  float *dk_, *dv_, *dq_;
  float log2_sum_[kBlock], delta_[kBlock];
};

/// Σ over features of out·d_out for query rows [begin, end) of all documents.
template <class T>
void attention_delta(const AttentionArgs& args, int64_t begin, int64_t end) {
  const int n = static_cast<int>(args.head_dim);
  for (int64_t head = 0; head < args.groups * args.heads_per_group; ++head) {
    const int64_t group = head / args.heads_per_group, in_group = head % args.heads_per_group;
    for (int64_t row = begin; row < end; ++row) {
      const T *out = head_rows<T>(args.out_read, row, group, in_group),
              *g = head_rows<T>(args.d_out, row, group, in_group);
      F32 total{};
      int i = 0;
      for (; i + kWidth <= n; i += kWidth) total += load(out + i) * load(g + i);
      if (i < n) total += load_first(out + i, n - i) * load_first(g + i, n - i);
      args.delta[head * args.rows + row] = sum(total);
    }
  }
}

}  // namespace loongforge::cpu::LF_ISA
