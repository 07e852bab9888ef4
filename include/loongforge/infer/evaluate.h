// SPDX-License-Identifier: Apache-2.0
// Mean loss of a model over a dataset, with logits and gradients when asked for.
#pragma once
#include <cstdint>
#include <optional>

#include "loongforge/data/dataset.h"
#include "loongforge/infer/model.h"

namespace loongforge::infer {

struct EvaluateOptions {
  int64_t batch_size = 8;    ///< samples at a time
  bool logits = false;       ///< keep the logits of every row
  bool gradients = false;    ///< accumulate the gradient of the mean loss in Model::gradients()
};

struct Evaluation {
  double loss = 0;           ///< mean over labelled rows
  double labelled_rows = 0;
  at::Tensor logits;         ///< [rows, classes] in acc(dtype), in the dataset's order; undefined unless asked for
};

/// Throws DataError when no row has a label.
Evaluation evaluate(Model& model, const data::Dataset& dataset, const EvaluateOptions& options);

}  // namespace loongforge::infer
