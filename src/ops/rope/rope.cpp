// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/rope.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include "loongforge/platform/device.h"
#include "loongforge/step/dtype.h"
#include "loongforge/step/function.h"
#include "step/own_kernel.h"

namespace loongforge::ops {
namespace {

struct Turn {
  at::Tensor cos, sin;  ///< [rows, pairs]
  RopePairing pairing = RopePairing::halves;
  bool inverse = false;
};

at::Tensor reference_turn(const at::Tensor& x, const Turn& turn) {
  const int64_t pairs = turn.cos.size(-1), width = 2 * pairs;
  const bool halves = turn.pairing == RopePairing::halves;
  const at::Tensor turned = x.narrow(-1, 0, width).unflatten(-1, {halves ? 2 : pairs, halves ? pairs : 2});
  const int64_t dim = halves ? -2 : -1;
  const at::Tensor first = turned.select(dim, 0).to(turn.cos.scalar_type());
  const at::Tensor second = turned.select(dim, 1).to(turn.cos.scalar_type());
  const at::Tensor c = turn.cos.unsqueeze(1), s = (turn.inverse ? turn.sin.neg() : turn.sin).unsqueeze(1);
  const at::Tensor a = first.mul(c).sub_(second.mul(s)).to(x.scalar_type());
  const at::Tensor b = second.mul(c).add_(first.mul(s)).to(x.scalar_type());
  const at::Tensor y = halves ? at::cat({a, b}, -1) : at::stack({a, b}, -1).flatten(-2, -1);
  return x.size(-1) > width ? at::cat({y, x.narrow(-1, width, x.size(-1) - width)}, -1) : y;
}

/// The kernel's form of a turn, without what to turn.
cpu::Rope kernel_of(cpu::Type type, int64_t head_dim, const Turn& turn) {
  cpu::Rope rope{.type = type, .head_dim = head_dim};
  if (turn.cos.defined()) {
    rope.cos = turn.cos.const_data_ptr<float>();
    rope.sin = turn.sin.const_data_ptr<float>();
    rope.pairs = turn.cos.size(1);
  }
  rope.interleaved = turn.pairing == RopePairing::neighbours;
  rope.inverse = turn.inverse;
  return rope;
}

at::Tensor own_turn(cpu::Type type, const at::Tensor& x, const Turn& turn) {
  const at::Tensor y = at::empty(x.sizes(), x.options());
  cpu::Rope rope = kernel_of(type, x.size(2), turn);
  rope.x = x.const_data_ptr();
  rope.y = y.data_ptr();
  rope.heads = x.size(1);
  rope.x_row_stride = x.stride(0);
  rope.x_head_stride = x.stride(1);
  rope.y_row_stride = y.stride(0);
  rope.y_head_stride = y.stride(1);
  platform::parallel_for(x.size(0), step::grain_rows(rope.heads * rope.head_dim),
                         [&](int64_t begin, int64_t end) { cpu::kernels().rope->turn(rope, begin, end); });
  return y;
}

bool kernel_tables(const Turn& turn) {
  return !turn.cos.defined() || step::kernel_type({turn.cos, turn.sin}) == cpu::Type::f32;
}

at::Tensor run(const at::Tensor& x, const Turn& turn) {
  const auto type = x.dim() == 3 && x.stride(2) == 1 ? step::strided_kernel_type(x) : std::nullopt;
  return type && kernel_tables(turn) ? own_turn(*type, x, turn) : reference_turn(x, turn);
}

/// What rope_heads splits rows into, and where each part lies in them.
struct Heads {
  at::Tensor q, k, v;
};

Heads empty_heads(const at::Tensor& fused) {
  const int64_t rows = fused.size(0), groups = fused.size(1), d = fused.size(3);
  return {at::empty({rows, groups * (fused.size(2) - 2), d}, fused.options()), at::empty({rows, groups, d}, fused.options()),
          at::empty({rows, groups, d}, fused.options())};
}

/// Heads of fused rows and of a part that belong together, counted in heads from the start of a row.
struct Move {
  const at::Tensor* part;
  int64_t in_row, in_part, heads;
  bool turned;
};

std::vector<Move> moves_of(const Heads& heads, int64_t groups, int64_t m) {
  std::vector<Move> moves;
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t first = g * (m + 2);
    moves.push_back({&heads.q, first, g * m, m, true});
    moves.push_back({&heads.k, first + m, g, 1, true});
    moves.push_back({&heads.v, first + m + 1, g, 1, false});
  }
  return moves;
}

/// Moves between the fused rows and the parts, all contiguous; `turn.inverse` moves back into the rows.
void own_heads(cpu::Type type, const at::Tensor& fused, const Heads& heads, const Turn& turn) {
  const int64_t d = fused.size(3), row = fused.stride(0), size = static_cast<int64_t>(fused.element_size());
  char* rows = static_cast<char*>(fused.data_ptr());
  std::vector<cpu::Rope> ropes;
  for (const Move& move : moves_of(heads, fused.size(1), fused.size(2) - 2)) {
    cpu::Rope rope = kernel_of(type, d, move.turned ? turn : Turn{});
    rope.heads = move.heads;
    rope.x_head_stride = rope.y_head_stride = d;
    char* in_rows = rows + move.in_row * d * size;
    char* in_part = static_cast<char*>(move.part->data_ptr()) + move.in_part * d * size;
    const int64_t part_row = move.part->stride(0);
    rope.x = turn.inverse ? in_part : in_rows;
    rope.y = turn.inverse ? in_rows : in_part;
    rope.x_row_stride = turn.inverse ? part_row : row;
    rope.y_row_stride = turn.inverse ? row : part_row;
    ropes.push_back(rope);
  }
  platform::parallel_for(fused.size(0), step::grain_rows(row), [&](int64_t begin, int64_t end) {
    for (const cpu::Rope& rope : ropes) cpu::kernels().rope->turn(rope, begin, end);
  });
}

Heads reference_split(const at::Tensor& fused, const Turn& turn) {
  const int64_t rows = fused.size(0), groups = fused.size(1), m = fused.size(2) - 2, d = fused.size(3);
  const auto turned = [&](const at::Tensor& x) { return turn.cos.defined() ? reference_turn(x, turn) : x.clone(); };
  return {turned(fused.narrow(2, 0, m).reshape({rows, groups * m, d})), turned(fused.select(2, m)),
          fused.select(2, m + 1).clone(at::MemoryFormat::Contiguous)};
}

at::Tensor reference_join(const Heads& heads, const Turn& turn, at::IntArrayRef shape) {
  const auto turned = [&](const at::Tensor& x) { return turn.cos.defined() ? reference_turn(x, turn) : x; };
  const at::Tensor q = turned(heads.q).reshape({shape[0], shape[1], shape[2] - 2, shape[3]});
  return at::cat({q, turned(heads.k).unsqueeze(2), heads.v.unsqueeze(2)}, 2);
}

Heads split(const at::Tensor& fused, const Turn& turn) {
  const auto type = step::kernel_type({fused});
  if (!type || !kernel_tables(turn)) return reference_split(fused, turn);
  const Heads heads = empty_heads(fused);
  own_heads(*type, fused, heads, turn);
  return heads;
}

at::Tensor join(const Heads& heads, const Turn& turn, at::IntArrayRef shape) {
  const auto type = step::kernel_type({heads.q, heads.k, heads.v});
  if (!type || !kernel_tables(turn)) return reference_join(heads, turn, shape);
  const at::Tensor fused = at::empty(shape, heads.q.options());
  own_heads(*type, fused, heads, turn);
  return fused;
}

std::vector<at::Tensor> record_split(const char* name, const at::Tensor& fused, const Turn& turn) {
  step::Tensors parts;
  {
    step::NoRecord no_record;
    const Heads heads = split(fused.contiguous(), turn);
    parts = {heads.q, heads.k, heads.v};
  }
  if (!step::wants_grad({fused})) return parts;
  Turn back = turn;
  back.inverse = true;
  step::record(name, {fused}, parts, {}, [back, shape = fused.sizes().vec()](const step::Tensors& grads, const step::Tensors&) {
    return step::Tensors{join({grads[0].contiguous(), grads[1].contiguous(), grads[2].contiguous()}, back, shape)};
  });
  return parts;
}

}  // namespace

std::pair<at::Tensor, at::Tensor> rope_tables(const at::Tensor& positions, std::span<const double> inv_freq,
                                              double attention_factor, at::ScalarType dtype) {
  step::NoRecord no_record;
  const auto type = at::TensorOptions().dtype(step::acc(dtype));
  const at::Tensor frequencies = at::tensor(at::ArrayRef<double>(inv_freq.data(), inv_freq.size()), type);
  const at::Tensor angles = positions.to(type.dtype()).unsqueeze(1).mul(platform::to_device(frequencies, positions.device()));
  return {angles.cos().mul_(attention_factor), angles.sin().mul_(attention_factor)};
}

at::Tensor rope(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, RopePairing pairing) {
  at::Tensor y;
  {
    step::NoRecord no_record;
    y = run(x, {cos, sin, pairing});
  }
  if (!step::wants_grad({x})) return y;
  return step::record("rope", {x}, y, {}, [=](const step::Tensors& grads, const step::Tensors&) {
    return step::Tensors{run(grads[0], {cos, sin, pairing, /*inverse=*/true})};
  });
}

std::vector<at::Tensor> rope_heads(const at::Tensor& fused, const at::Tensor& cos, const at::Tensor& sin, RopePairing pairing) {
  return record_split("rope_heads", fused, {cos, sin, pairing});
}

std::vector<at::Tensor> split_heads(const at::Tensor& fused) { return record_split("split_heads", fused, {}); }

}  // namespace loongforge::ops
