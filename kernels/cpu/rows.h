// SPDX-License-Identifier: Apache-2.0
// Walking over a row of any length in vectors, for *.isa.cpp files only.
#pragma once
#include "kernels/cpu/vec.h"

namespace loongforge::cpu::LF_ISA {

/// How much of a vector is real: all of it, or the first `count` lanes.
struct Whole {};
struct First {
  int count;
};

template <class T>
[[gnu::always_inline]] inline F32 load(const T* p, Whole) {
  return load(p);
}
template <class T>
[[gnu::always_inline]] inline F32 load(const T* p, First lanes) {
  return load_first(p, lanes.count);
}
template <class T>
[[gnu::always_inline]] inline void store(T* p, F32 x, Whole) {
  store(p, x);
}
template <class T>
[[gnu::always_inline]] inline void store(T* p, F32 x, First lanes) {
  store_first(p, x, lanes.count);
}

/// Calls whole(offset, Whole) for the full vectors of n elements, ascending, and rest(offset, First) for what is left.
template <class VisitWhole, class VisitRest>
[[gnu::always_inline]] inline void each_vector(int64_t n, VisitWhole whole, VisitRest rest) {
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) whole(i, Whole{});
  if (i < n) rest(i, First{static_cast<int>(n - i)});
}
/// The same with one visitor for both.
template <class Visit>
[[gnu::always_inline]] inline void each_vector(int64_t n, Visit visit) {
  each_vector(n, visit, visit);
}

[[gnu::always_inline]] inline F32 rounded(F32 x, const float*) { return x; }
[[gnu::always_inline]] inline F32 rounded(F32 x, const Bf16*) {
  return (F32)(__builtin_convertvector(to_bf16(x), U32) << 16);
}
[[gnu::always_inline]] inline F32 rounded(F32 x, const Fp16*) { return from_fp16(to_fp16(x)); }

template <class T>
struct PointeeOf;
template <class T>
struct PointeeOf<T*> {
  using Type = T;
};
template <class P>
using Pointee = typename PointeeOf<P>::Type;

/// Calls visit with a null pointer to the element type.
template <class Visit>
inline void by_type(Type type, Visit visit) {
  switch (type) {
    case Type::f32: return visit(static_cast<float*>(nullptr));
    case Type::bf16: return visit(static_cast<Bf16*>(nullptr));
    case Type::f16: return visit(static_cast<Fp16*>(nullptr));
  }
}

}  // namespace loongforge::cpu::LF_ISA
