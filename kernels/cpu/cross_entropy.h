// SPDX-License-Identifier: Apache-2.0
// Cross entropy of rows of logits, with the gradient written over them.
#pragma once
#include "kernels/cpu/types.h"

namespace loongforge::cpu {

struct CrossEntropy {
  Type type = Type::f32;             ///< of logits
  void* logits = nullptr;            ///< [rows, columns]
  int64_t columns = 0, classes = 0;  ///< columns from `classes` on are padding: no part of the sum, gradient 0
  const int64_t* labels = nullptr;   ///< [rows]; a label outside [0, classes) picks nothing
  int64_t ignored = 0;               ///< rows with this label have neither loss nor gradient
  const float* weights = nullptr;    ///< [rows]; null: 1
  double* losses = nullptr;          ///< [rows]: weight·(logsumexp(logits) − logits[label])
  bool want_grad = false;            ///< logits become seed·weight·(softmax − onehot)
  double seed = 0;
};

struct CrossEntropyKernels {
  void (*run)(const CrossEntropy& entropy, int64_t first_row, int64_t last_row);
};

}  // namespace loongforge::cpu
