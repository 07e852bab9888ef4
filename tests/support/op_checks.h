// SPDX-License-Identifier: Apache-2.0
// What every described operation must show: each instruction set's kernels against the reference in fp64, the same bits for any
// number of threads, and values that are not finite where the reference has them.
#pragma once
#include <ATen/ops/equal.h>
#include <ATen/ops/isfinite.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/cpu/dispatch.h"
#include "loongforge/platform/runtime.h"
#include "loongforge/step/op_case.h"

namespace loongforge::testing {

/// Largest difference of each pair over its reference's largest value, or over 1e-2 where that is less.
inline double error_of(const step::Tensors& got, const step::Tensors& want) {
  double worst = 0;
  EXPECT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const double scale = std::max(want[i].abs().max().item<double>(), 1e-2);
    const double error = got[i].to(at::kDouble).sub(want[i]).abs().max().item<double>() / scale;
    worst = std::isfinite(error) ? std::max(worst, error) : error;
  }
  return worst;
}

inline bool same_bits(const step::Tensors& a, const step::Tensors& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!at::equal(a[i], b[i])) return false;
  }
  return a.size() == b.size();
}

/// A type and what it may differ from fp64, a few times its rounding.
struct Precision {
  at::ScalarType type;
  double tolerance;
};

inline void expect_every_set_equals_reference(const step::OpDescription& op, const step::OpSizes& sizes,
                                              const Precision& precision) {
  const step::Tensors want = op.make(sizes, at::kDouble, precision.type).run();
  for (const cpu::KernelTable* table : cpu::usable_tables()) {
    cpu::KernelScope scope(table);
    const double error = error_of(op.make(sizes, precision.type, precision.type).run(), want);
    EXPECT_TRUE(error <= precision.tolerance) << op.name << ' ' << table->isa << ' ' << at::toString(precision.type) << " rows "
                                              << sizes.rows << " hidden " << sizes.hidden << ": " << error;
  }
}

inline void expect_same_bits_for_any_threads(const step::OpDescription& op, const step::OpSizes& sizes, at::ScalarType type) {
  step::Tensors first;
  for (const int threads : {1, 2, 3, 7}) {
    platform::IntraOpThreads guard(threads);
    const step::Tensors now = op.make(sizes, type, type).run();
    if (first.empty()) first = now;
    EXPECT_TRUE(same_bits(first, now)) << op.name << " with " << threads << " threads";
  }
}

/// Which results are finite after the first element of one input was replaced.
inline step::Tensors run_tampered(const step::OpDescription& op, const step::OpSizes& sizes, at::ScalarType type, size_t input,
                                  double value) {
  const step::OpCase tampered = op.make(sizes, type, type);
  tampered.inputs.at(input).detach().view(-1).select(0, 0).fill_(value);
  step::Tensors finite;
  for (const at::Tensor& tensor : tampered.run()) finite.push_back(at::isfinite(tensor));
  return finite;
}

inline void expect_non_finite_as_reference(const step::OpDescription& op, const step::OpSizes& sizes, at::ScalarType type) {
  const size_t inputs = op.make(sizes, type, type).inputs.size();
  for (size_t input = 0; input < inputs; ++input) {
    for (const double value : {NAN, INFINITY, -INFINITY}) {
      step::Tensors want;
      {
        cpu::KernelScope none(nullptr);
        want = run_tampered(op, sizes, type, input, value);
      }
      for (const cpu::KernelTable* table : cpu::usable_tables()) {
        cpu::KernelScope scope(table);
        EXPECT_TRUE(same_bits(run_tampered(op, sizes, type, input, value), want))
            << op.name << ' ' << table->isa << ' ' << at::toString(type) << " input " << input << " is " << value;
      }
    }
  }
}

}  // namespace loongforge::testing
