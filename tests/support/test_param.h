// SPDX-License-Identifier: Apache-2.0
// A parameter over a given tensor, and the loss that turns an op into a scalar.
#pragma once
#include <ATen/core/Tensor.h>

#include "loongforge/step/dtype.h"
#include "loongforge/step/param.h"

namespace loongforge::testing {

/// Owns a Param whose weight is `values`; `published_rows` < rows makes the last rows padding.
struct TestParam {
  explicit TestParam(const at::Tensor& values, int64_t published_rows = -1)
      : storage(values, step::acc(values.scalar_type())), param(make_spec(values, published_rows), make_layout(values, published_rows)) {
    param.bind(&storage);
  }
  at::Tensor grad() { return storage.main_grad(); }

  step::PlainStorage storage;
  step::Param param;

 private:
  static spec::Shape published(const at::Tensor& values, int64_t rows) {
    spec::Shape shape = values.sizes().vec();
    if (rows >= 0) shape[0] = rows;
    return shape;
  }
  static spec::ParamSpec make_spec(const at::Tensor& values, int64_t rows) {
    return spec::plain_param("weight", published(values, rows), spec::ModuleKind::other, spec::init::Ones{});
  }
  static spec::LocalLayout make_layout(const at::Tensor& values, int64_t rows) {
    spec::LocalLayout layout;
    layout.shape = values.sizes().vec();
    layout.boxes = {{spec::full_box(published(values, rows)), spec::full_box(published(values, rows))}};
    return layout;
  }
};

}  // namespace loongforge::testing
