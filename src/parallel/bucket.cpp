// SPDX-License-Identifier: Apache-2.0
#include "parallel/bucket.h"

#include <ATen/ops/zeros.h>

#include "loongforge/core/error.h"

namespace loongforge::parallel {

const at::Tensor& Entry::weight() {
  LF_ASSERT(weight_view.defined(), "{} is used outside its block: its shards are not gathered", param->name());
  return weight_view;
}

at::Tensor Entry::main_grad() {
  LF_ASSERT(bucket->trainable, "{} is not trained and has no gradient", param->name());
  bucket->materialise_grad();
  return view_of(bucket->grad);
}

void Entry::contributed() {
  ++bucket->arrived;
  if (bucket->on_contribution) bucket->on_contribution();
}

at::Tensor Entry::view_of(const at::Tensor& flat) const {
  return flat.narrow(0, offset, count).view(param->layout().shape);
}

void Bucket::materialise_grad() {
  if (!grad.defined()) grad = at::zeros({size}, weight_part.options().dtype(grad_dtype));
}

void Bucket::bind_views() {
  for (Entry* entry : entries) entry->weight_view = entry->view_of(weight);
}

void Bucket::drop_views() {
  for (Entry* entry : entries) entry->weight_view = at::Tensor();
}

}  // namespace loongforge::parallel
