// SPDX-License-Identifier: Apache-2.0
// Attention by our CPU kernels, with the log-sum-exp that lets parts over different keys be merged.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "loongforge/step/function.h"
#include "loongforge/step/seams.h"

namespace loongforge::ops {

/// Document i has query rows [q[i], q[i+1]) and key rows [k[i], k[i+1]), the last rows of both aligned.
struct DocumentBorders {
  std::vector<int64_t> q, k;
};

/// out [rows, heads, head_dim] in the type of q; lse [heads, rows] fp32, log Σ exp(scale·q·k), −inf where no key is
/// seen.
struct Attended {
  at::Tensor out, lse;
};

/// How a document's backward is dealt out; the results have the same bits.
enum class Division { automatic, whole, divided };

/// What is chosen by the machine; tests set it.
struct Tuning {
  Division division = Division::automatic;
  bool bf16_pairs;  ///< cpu::AttentionArgs::bf16_pairs
  Tuning();
};

/// Whether the kernels take these: CPU, fp32, bf16 or fp16 throughout, equal head dims up to 256, scale > 0.
bool varlen_serves(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                   const step::AttentionOptions& options);

/// q [rows, heads, head_dim], k and v [keys, kv_heads, head_dim], of any strides.
Attended varlen_forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const DocumentBorders& borders,
                        const step::AttentionOptions& options, const Tuning& tuning = {});

/// {dq, dk, dv} from d_out [rows, heads, head_dim].
step::Tensors varlen_backward(const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const Attended& attended, const DocumentBorders& borders,
                              const step::AttentionOptions& options, const Tuning& tuning = {});

}  // namespace loongforge::ops
