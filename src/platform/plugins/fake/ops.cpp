// SPDX-License-Identifier: Apache-2.0
// The few ops that cannot be the fallback: those that make or re-cut storages, and copies between host and device.
#include <ATen/EmptyTensor.h>
#include <ATen/SDPBackend.h>
#include <ATen/native/DispatchStub.h>
#include <ATen/native/transformers/attention.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/set_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include "wrap.h"

namespace loongforge::fake {

const at::Tensor& set_geometry(const at::Tensor& tensor, at::IntArrayRef sizes, at::OptionalIntArrayRef strides,
                               int64_t offset) {
  auto* impl = tensor.unsafeGetTensorImpl();
  impl->set_storage_offset(offset);
  if (strides) {
    impl->set_sizes_and_strides(sizes, *strides);
  } else {
    impl->set_sizes_contiguous(sizes);
  }
  const size_t needed =
      impl->numel() ? at::detail::computeStorageNbytes(sizes, impl->strides(), tensor.itemsize(), offset) : 0;
  if (needed > tensor.storage().nbytes()) grow_storage(tensor.storage(), needed);
  return tensor;
}

namespace {

using DtypeArg = std::optional<at::ScalarType>;
using LayoutArg = std::optional<at::Layout>;
using DeviceArg = std::optional<c10::Device>;
constexpr c10::DispatchKeySet kKey(c10::DispatchKey::PrivateUse1);

at::Tensor empty(at::IntArrayRef sizes, DtypeArg dtype, LayoutArg, DeviceArg device, std::optional<bool> pinned,
                 std::optional<at::MemoryFormat> format) {
  TORCH_CHECK(!pinned.value_or(false), "only CPU tensors can be pinned");
  c10::DeviceGuard on(*device);
  return at::detail::empty_generic(sizes, &device_allocator(), kKey, c10::dtype_or_default(dtype), format);
}

at::Tensor empty_strided(at::IntArrayRef sizes, at::IntArrayRef strides, DtypeArg dtype, LayoutArg, DeviceArg device,
                         std::optional<bool>) {
  c10::DeviceGuard on(*device);
  return at::detail::empty_strided_generic(sizes, strides, &device_allocator(), kKey, c10::dtype_or_default(dtype));
}

const at::Tensor& resize(const at::Tensor& tensor, at::IntArrayRef sizes, std::optional<at::MemoryFormat> format) {
  if (tensor.sizes() != sizes) set_geometry(tensor, sizes, std::nullopt, tensor.storage_offset());
  if (format) tensor.unsafeGetTensorImpl()->empty_tensor_restride(*format);
  return tensor;
}

at::Tensor& set_storage(at::Tensor& tensor, c10::Storage storage, int64_t offset, at::IntArrayRef sizes,
                        at::IntArrayRef strides) {
  tensor.unsafeGetTensorImpl()->set_storage_keep_dtype(std::move(storage));
  set_geometry(tensor, sizes, strides.empty() ? at::OptionalIntArrayRef() : at::OptionalIntArrayRef(strides), offset);
  return tensor;
}

at::Tensor& set_whole_storage(at::Tensor& tensor, c10::Storage storage) {
  const auto elements = static_cast<int64_t>(storage.nbytes() / tensor.itemsize());
  return set_storage(tensor, std::move(storage), 0, {elements}, {});
}

/// Copies as CUDA does: pageable host memory is staged at once and makes the host wait on the way back; pinned memory
/// is read or written when the stream gets there.
at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool non_blocking) {
  std::lock_guard guard(lock());
  const bool from_host = from.is_cpu(), to_host = to.is_cpu();
  const bool pinned = (from_host && is_pinned_address(from.storage().data())) ||
                      (to_host && is_pinned_address(to.storage().data()));
  const c10::DeviceIndex device = (from_host ? to : from).device().index();
  Stream& stream = current_stream(device);
  if (!from_host && !to_host && from.device() != to.device()) {
    drain(current_stream(to.device().index()));
    non_blocking = false;
  }
  Wrap wrap(at::kCPU);
  at::Tensor source = wrap.stand_in(from), target = wrap.stand_in(to);
  if (from_host && !pinned) source = source.clone();
  enqueue(stream, [source, target]() mutable { target.copy_(source); });
  if (!non_blocking || (to_host && !pinned)) drain(stream);
  return to;
}

int64_t choose_attention(const at::Tensor& query, const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                         double dropout, bool, std::optional<double>, bool) {
  const bool fused = dropout == 0.0 && query.dim() == 4;
  return static_cast<int64_t>(fused ? at::SDPBackend::flash_attention : at::SDPBackend::math);
}

void record_stream(at::Tensor& tensor, c10::Stream stream) {
  record_use(tensor.storage().data_ptr(), static_cast<int>(stream.id()));
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", empty);
  library.impl("empty_strided", empty_strided);
  library.impl("as_strided", TORCH_FN(at::native::as_strided_tensorimpl));
  library.impl("view", TORCH_FN(at::native::view));
  library.impl("_reshape_alias", TORCH_FN(at::native::_reshape_alias));
  library.impl("resize_", resize);
  library.impl("set_.source_Tensor", TORCH_FN(at::native::set_tensor_));
  library.impl("set_.source_Storage", set_whole_storage);
  library.impl("set_.source_Storage_storage_offset", set_storage);
  library.impl("_copy_from", copy_from);
  library.impl("record_stream", record_stream);
}

// copy_ arrives with the conjugate or negative bit still set; the stock fallbacks would clone and copy without end.
TORCH_LIBRARY_IMPL(aten, Conjugate, library) { library.impl("_copy_from", torch::CppFunction::makeFallthrough()); }
TORCH_LIBRARY_IMPL(aten, Negative, library) { library.impl("_copy_from", torch::CppFunction::makeFallthrough()); }

}  // namespace
}  // namespace loongforge::fake

namespace at::native {
REGISTER_PRIVATEUSE1_DISPATCH(_fused_sdp_choice_stub, &loongforge::fake::choose_attention)
}
