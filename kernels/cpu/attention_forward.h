// SPDX-License-Identifier: Apache-2.0
// The forward unit: the queries of one group in a range of rows, over all keys that they see.
#pragma once
#include <math.h>

#include "kernels/cpu/attention_tile.h"

namespace loongforge::cpu::LF_ISA {

[[gnu::always_inline]] inline void store_weight(float* weights, int column, F32 x) { store(weights + column, x); }
[[gnu::always_inline]] inline void store_weight(Bf16Pair* weights, int column, F32 x) {
  store(reinterpret_cast<Bf16*>(weights) + column, x);
}

/// T is stored, E multiplied: floats, or pairs of bf16 where those are faster.
template <class T, class E>
class AttentionForward {
  static constexpr bool kInPlace = kSteps<E> == 1;  ///< weights overwrite scores

 public:
  AttentionForward(const AttentionArgs& args, const AttentionUnit& unit, Arena& arena)
      : args_(args),
        unit_(unit),
        sight_(args, unit.document),
        width_(args.head_dim),
        first_key_(sight_.first(unit.begin) / kBlock * kBlock),
        keys_(larger(0, sight_.behind(unit.end - 1) - first_key_)),
        value_rows_(round_up(keys_, kSteps<E>) / kSteps<E>),
        exponent_(args.scale * kLog2E) {
    key_panels_ = arena.take<E>(static_cast<int64_t>(round_up(keys_, kPanel)) * width_.depth);
    value_panels_ = arena.take<E>(value_rows_ * width_.panels * kPanel);
    queries_ = arena.take<E>(kBlock * query_stride());
    scores_ = arena.take<float>(kBlock * kScoreStride);
    weights_ = kInPlace ? reinterpret_cast<E*>(scores_) : arena.take<E>(kBlock * kWeightStride);
    out_ = arena.take<float>(kBlock * out_stride());
  }

  void run() {
    const int64_t border = args_.k_borders[unit_.document] + first_key_;
    pack_transposed(head_rows<T>(args_.k, border, unit_.group, 0), args_.k.strides.row, static_cast<int>(keys_),
                    key_panels_, width_);
    pack_summed_rows(head_rows<T>(args_.v, border, unit_.group, 0), args_.v.strides.row, static_cast<int>(keys_),
                     value_panels_, value_rows_ * kPanel, width_);
    for (int64_t head = 0; head < args_.heads_per_group; ++head) {
      for (int64_t query = unit_.begin; query < unit_.end; query += kBlock) {
        attend(head, query, static_cast<int>(smaller(kBlock, unit_.end - query)));
      }
    }
  }

 private:
  static constexpr int kScoreStride = kBlock + kGap;
  static constexpr int kWeightStride = kBlock / kSteps<E> + kGap;
  int query_stride() const { return width_.depth + kGap; }
  int out_stride() const { return width_.panels * kPanel + kGap; }

  void attend(int64_t head, int64_t query, int queries) {
    const int64_t border = args_.q_borders[unit_.document] + query;
    const int rows = round_up(queries, kTileRows);
    copy_rows(head_rows<T>(args_.q, border, unit_.group, head), args_.q.strides.row, queries, rows, width_.features,
              queries_, query_stride(), width_.depth);
    memset(out_, 0, sizeof(float) * rows * out_stride());
    for (int row = 0; row < rows; ++row) {
      row_max_[row] = kNothingYet;
      row_sum_[row] = 0;
    }
    const int64_t behind = sight_.behind(query + queries - 1);
    for (int64_t key = sight_.first(query) / kBlock * kBlock; key < behind; key += kBlock) {
      attend_tile({query, key, queries, static_cast<int>(smaller(kBlock, behind - key))});
    }
    finish(head, query, queries);
  }

  void attend_tile(const Tile& tile) {
    const int64_t key = tile.key - first_key_;
    score_tile(sight_, tile, width_, queries_, query_stride(), key_panels_ + key * width_.depth, scores_, kScoreStride);
    for (int row = 0; row < tile.rows(); row += kTileRows) {
      const int reach = tile.reach(sight_, row);
      if (reach == 0) continue;
      for (int r = row; r < row + kTileRows; ++r) soften(r, Seen(sight_, tile, r, reach));
    }
    accumulate_rows(sight_, tile, width_, weights_, kWeightStride, value_panels_ + key / kSteps<E> * kPanel,
                    value_rows_ * kPanel, out_, out_stride());
  }

  /// Turns a row's scores into weights relative to its greatest score so far, and rescales what was summed before.
  void soften(int row, const Seen& seen) {
    float* scores = scores_ + row * kScoreStride;
    if (!seen.all()) {
      const F32 lanes = lane_numbers(), unseen = broadcast(-INFINITY);
      for (int j = 0; j < seen.extent; j += kWidth) store(scores + j, seen.where(lanes, j, load(scores + j), unseen));
    }
    F32 greatest = broadcast(row_max_[row]);
    for (int j = 0; j < seen.extent; j += kWidth) greatest = max(greatest, load(scores + j));
    const float new_max = largest(greatest);
    const F32 exponent = broadcast(exponent_), shift = broadcast(new_max * exponent_);
    E* weights = weights_ + row * kWeightStride;
    F32 total{};
    for (int j = 0; j < seen.extent; j += kWidth) {
      const F32 weight = exp2(load(scores + j) * exponent - shift);
      total += weight;
      store_weight(weights, j, weight);
    }
    const float before = row_sum_[row];
    if (before != 0 && new_max != row_max_[row]) rescale(row, exp2f((row_max_[row] - new_max) * exponent_));
    row_sum_[row] += sum(total);
    row_max_[row] = new_max;
  }

  void rescale(int row, float factor) {
    float* out = out_ + row * out_stride();
    for (int j = 0; j < width_.wide; j += kWidth) store(out + j, load(out + j) * factor);
    row_sum_[row] *= factor;
  }

  void finish(int64_t head, int64_t query, int queries) {
    const int64_t border = args_.q_borders[unit_.document] + query;
    T* out = head_rows<T>(args_.out, border, unit_.group, head);
    float* lse = args_.lse + (unit_.group * args_.heads_per_group + head) * args_.rows + border;
    for (int row = 0; row < queries; ++row) {
      const bool any = sight_.sees_any(query + row);
      write_row(out_ + row * out_stride(), any ? 1 / row_sum_[row] : 0.0f, out + row * args_.out.strides.row,
                width_.features);
      lse[row] = any ? row_max_[row] * args_.scale + logf(row_sum_[row]) : -INFINITY;
    }
  }

  // Finite, so that a row that sees nothing of its first tile gets weights e^(−inf) = 0 there.
  static constexpr float kNothingYet = -1e30f;

  const AttentionArgs& args_;
  const AttentionUnit& unit_;
  Sight sight_;
  Width<E> width_;
  int64_t first_key_, keys_;  ///< the packed keys
  int64_t value_rows_;
  float exponent_;  ///< of 2 for a score of 1
  E *key_panels_, *value_panels_, *queries_, *weights_;
  float *scores_, *out_;
  float row_max_[kBlock], row_sum_[kBlock];
};

}  // namespace loongforge::cpu::LF_ISA
