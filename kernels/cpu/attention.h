// SPDX-License-Identifier: Apache-2.0
// Attention over packed documents of any lengths, forward and backward, in units of work whose results don't depend on
// how the work was divided. Method: online softmax over tiles of keys (Milakov & Gimelshein 2018; Dao et al. 2022).
#pragma once
#include <cstdint>

#include "kernels/cpu/types.h"

namespace loongforge::cpu {

constexpr int64_t kMaxHeadDim = 256;
/// Queries of a forward unit and rows of a split backward unit begin at multiples of this.
constexpr int64_t kAttentionBlock = 128;

/// Steps, in elements, between rows, between groups, and between the query heads of a group. Features are adjacent.
struct HeadStrides {
  int64_t row = 0, group = 0, head = 0;
};
struct ConstHeads {
  const void* data = nullptr;
  HeadStrides strides;
};
struct Heads {
  void* data = nullptr;
  HeadStrides strides;
};

/// A query head belongs to a group, which shares one key-value head. Document i has query rows [q_borders[i],
/// q_borders[i+1]) and key rows [k_borders[i], k_borders[i+1]); their last rows are aligned: query j stands at key
/// position j + (keys − queries).
struct AttentionArgs {
  Type type = Type::f32;    ///< of q, k, v, out and their gradients
  bool bf16_pairs = false;  ///< multiply bf16 as pairs where the set has that instruction, instead of as floats
  int64_t head_dim = 0;     ///< 1 … kMaxHeadDim
  int64_t groups = 0, heads_per_group = 0;
  int64_t rows = 0;    ///< query rows of all documents
  float scale = 1;     ///< > 0; of q·k before the softmax
  bool causal = true;  ///< a query sees no key behind its position
  int64_t window = 0;  ///< > 0: nor any `window` or more before it
  const int64_t* q_borders = nullptr;
  const int64_t* k_borders = nullptr;
  ConstHeads q, k, v;
  Heads out;
  float* lse = nullptr;  ///< [heads, rows] log Σ exp(scale·q·k), −inf where a query sees no key; backward reads it
  // backward only
  ConstHeads out_read, d_out;
  float* delta = nullptr;  ///< [heads, rows] Σ out·d_out, by `delta`
  Heads dq, dk, dv;
};

/// What a backward unit computes.
enum class AttentionPart : int32_t {
  all,          ///< dq, dk, dv of the document
  queries,      ///< dq of query rows [begin, end)
  keys_values,  ///< dk and dv of key rows [begin, end)
};

/// Rows [begin, end) of one document, counted within it, for one group. `part` is for backward.
struct AttentionUnit {
  int64_t document = 0, group = 0, begin = 0, end = 0;
  AttentionPart part = AttentionPart::all;
};

/// Workspaces are in bytes, aligned to 64. Every unit writes its own rows and nothing else.
struct AttentionKernels {
  int64_t (*forward_workspace)(const AttentionArgs&, const AttentionUnit&);
  void (*forward)(const AttentionArgs&, const AttentionUnit&, void* workspace);
  /// Fills delta for query rows [begin, end) counted over all documents.
  void (*delta)(const AttentionArgs&, int64_t begin, int64_t end);
  int64_t (*backward_workspace)(const AttentionArgs&, const AttentionUnit&);
  void (*backward)(const AttentionArgs&, const AttentionUnit&, void* workspace);
};

}  // namespace loongforge::cpu
