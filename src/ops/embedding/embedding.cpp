// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/embedding.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>

#include <algorithm>

#include "loongforge/core/error.h"
#include "loongforge/step/function.h"
#include "step/own_kernel.h"

namespace loongforge::ops {
namespace {

/// Local row of each id, with the ids of other ranks sent to row 0 and marked in `elsewhere`, those without gradient in
/// `untrained` (bool [rows, 1]; undefined: none).
struct LocalIds {
  at::Tensor rows, elsewhere, untrained;
};

LocalIds local_ids(const at::Tensor& ids, const step::Param& table, const RowRange& range) {
  if (range.count == table.spec().logical_shape[0]) return {ids, {}, {}};
  const at::Tensor shifted = ids.sub(range.first);
  const at::Tensor elsewhere = shifted.lt(0).bitwise_or_(shifted.ge(range.count));
  return {shifted.masked_fill(elsewhere, 0), elsewhere.unsqueeze(1), elsewhere.unsqueeze(1)};
}

at::Tensor take_rows(const at::Tensor& table, const at::Tensor& rows) {
  // LibTorch has no meta kernel for index_select.
  if (table.is_meta()) return at::empty({rows.size(0), table.size(1)}, table.options());
  return at::index_select(table, 0, rows);
}

void reference_accumulate(const at::Tensor& main_grad, const LocalIds& ids, const at::Tensor& dy) {
  at::Tensor rows = dy.to(main_grad.scalar_type());
  if (ids.untrained.defined()) rows = rows.masked_fill(ids.untrained, 0);
  // index_add_ is sequential on the CPU; accelerators sort in the accumulating index_put_.
  if (main_grad.is_cuda()) {
    c10::List<std::optional<at::Tensor>> index;
    index.push_back(ids.rows);
    at::Tensor(main_grad).index_put_(index, rows, /*accumulate=*/true);
  } else {
    at::Tensor(main_grad).index_add_(0, ids.rows, rows);
  }
}

/// What the backward needs of the forward.
struct Lookup {
  at::Tensor ids;
  RowRange range;
  std::optional<int64_t> padding_id;
};

LocalIds trained_ids(const Lookup& lookup, const step::Param& table) {
  LocalIds local = local_ids(lookup.ids, table, lookup.range);
  if (lookup.padding_id) {
    const at::Tensor padding = lookup.ids.eq(*lookup.padding_id).unsqueeze(1);
    local.untrained = local.untrained.defined() ? local.untrained.bitwise_or(padding) : padding;
  }
  return local;
}

void accumulate_rows(const step::Param& table, const Lookup& lookup, const at::Tensor& dy) {
  const at::Tensor main_grad = table.main_grad(), rows = dy.contiguous(), ids = lookup.ids.contiguous();
  const auto type = step::kernel_type({rows});
  if (!type || step::kernel_type({main_grad}) != cpu::Type::f32 || !ids.is_cpu()) {
    reference_accumulate(main_grad, trained_ids(lookup, table), dy);
    return;
  }
  cpu::AddRows add{.type = *type, .rows = rows.const_data_ptr(), .ids = ids.const_data_ptr<int64_t>()};
  add.count = rows.size(0);
  add.width = rows.size(1);
  add.first = lookup.range.first;
  add.last = lookup.range.first + lookup.range.count;
  add.untrained = lookup.padding_id.value_or(-1);
  add.table = main_grad.data_ptr<float>();
  constexpr int64_t kUnits = 64;
  add.units = kUnits;
  const int64_t grain = std::max<int64_t>(1, kUnits * step::kGrain / std::max<int64_t>(1, rows.numel()));
  platform::parallel_for(kUnits, grain, [&](int64_t begin, int64_t end) { cpu::kernels().scatter->add_rows(add, begin, end); });
}

}  // namespace

RowRange row_range(const step::Param& table) {
  const auto& layout = table.layout();
  RowRange range{0, 0, layout.shape[0]};
  if (layout.boxes.empty()) return range;
  LF_ASSERT(layout.boxes.size() == 1, "{}: rows are not contiguous", table.name());
  const auto& box = layout.boxes[0];
  LF_ASSERT(box.local.start[0] == 0, "{}: padding before the rows", table.name());
  range.first = box.logical.start[0];
  range.count = box.logical.size[0];
  return range;
}

at::Tensor embedding(const at::Tensor& ids, const step::Param& table, std::optional<int64_t> padding_id) {
  const Lookup lookup{ids, row_range(table), padding_id};
  at::Tensor y;
  {
    step::NoRecord no_record;
    const LocalIds local = local_ids(ids, table, lookup.range);
    y = take_rows(table.weight(), local.rows);
    if (local.elsewhere.defined()) y.masked_fill_(local.elsewhere, 0);
  }
  if (!step::recording() || !table.trainable()) return y;
  const step::Param* handle = &table;
  return step::record("embedding", {}, y, {}, [handle, lookup](const step::Tensors& grads, const step::Tensors&) {
    accumulate_rows(*handle, lookup, grads[0]);
    handle->contributed();
    return step::Tensors{};
  });
}

}  // namespace loongforge::ops
