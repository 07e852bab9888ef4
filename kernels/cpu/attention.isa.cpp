// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/attention_backward.h"
#include "kernels/cpu/attention_forward.h"

namespace loongforge::cpu::LF_ISA {
namespace {

template <class T, class E>
struct As {
  using Stored = T;
  using Multiplied = E;
};

/// Calls `kernel` with the As<stored type, operand type> that `args` asks for.
template <class Kernel>
auto with_types(const AttentionArgs& args, Kernel kernel) {
#if defined(__AVX512BF16__)
  if (args.type == Type::bf16 && args.bf16_pairs) return kernel(As<Bf16, Bf16Pair>{});
#endif
  if (args.type == Type::bf16) return kernel(As<Bf16, float>{});
  return args.type == Type::f16 ? kernel(As<Fp16, float>{}) : kernel(As<float, float>{});
}

template <class Types>
using ForwardOf = AttentionForward<typename Types::Stored, typename Types::Multiplied>;
template <class Types>
using BackwardOf = AttentionBackward<typename Types::Stored, typename Types::Multiplied>;

int64_t forward_workspace(const AttentionArgs& args, const AttentionUnit& unit) {
  return with_types(args, [&](auto types) {
    Arena arena(nullptr);
    ForwardOf<decltype(types)>(args, unit, arena);
    return arena.used();
  });
}

void forward(const AttentionArgs& args, const AttentionUnit& unit, void* workspace) {
  with_types(args, [&](auto types) {
    Arena arena(workspace);
    ForwardOf<decltype(types)>(args, unit, arena).run();
  });
}

void delta(const AttentionArgs& args, int64_t begin, int64_t end) {
  with_types(args, [&](auto types) { attention_delta<typename decltype(types)::Stored>(args, begin, end); });
}

int64_t backward_workspace(const AttentionArgs& args, const AttentionUnit& unit) {
  return with_types(args, [&](auto types) {
    Arena arena(nullptr);
    BackwardOf<decltype(types)>(args, unit, arena);
    return arena.used();
  });
}

void backward(const AttentionArgs& args, const AttentionUnit& unit, void* workspace) {
  with_types(args, [&](auto types) {
    Arena arena(workspace);
    BackwardOf<decltype(types)>(args, unit, arena).run();
  });
}

}  // namespace

extern const AttentionKernels attention_kernels;
const AttentionKernels attention_kernels{forward_workspace, forward, delta, backward_workspace, backward};

}  // namespace loongforge::cpu::LF_ISA
