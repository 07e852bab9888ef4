// SPDX-License-Identifier: Apache-2.0
#include "wrap.h"

#include <ATen/EmptyTensor.h>
#include <ATen/ops/empty_strided.h>

#include <cstring>

namespace loongforge::fake {

namespace {

/// A tensor over `storage` with the geometry of `like`.
at::Tensor tensor_over(c10::Storage storage, c10::DispatchKey key, const at::Tensor& like) {
  auto tensor = at::detail::make_tensor<c10::TensorImpl>(std::move(storage), c10::DispatchKeySet(key), like.dtype());
  auto* impl = tensor.unsafeGetTensorImpl();
  impl->set_storage_offset(like.storage_offset());
  impl->set_sizes_and_strides(like.sizes(), like.strides());
  if (like.unsafeGetTensorImpl()->is_wrapped_number()) impl->set_wrapped_number(true);
  if (like.is_conj()) tensor._set_conj(true);
  if (like.is_neg()) tensor._set_neg(true);
  return tensor;
}

}  // namespace

at::Tensor Wrap::stand_in(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.is_meta() || (tensor.is_cpu() && target_ == at::kCPU)) return tensor;
  for (const auto& [original, stand_in] : pairs_) {
    if (original.is_same(tensor)) return stand_in;
  }
  auto* storage = tensor.storage().unsafeGetStorageImpl();
  auto& replacement = stand_ins_[storage];
  if (!replacement) {
    void* bytes = nullptr;
    if (target_ == at::kCPU) bytes = bytes_behind(tensor.storage().data());
    replacement = c10::Storage(c10::Storage::use_byte_size_t(), storage->nbytes(), c10::DataPtr(bytes, target_),
                               c10::GetAllocator(target_), /*resizable=*/true);
    originals_[replacement.unsafeGetStorageImpl()] = tensor.storage();
  }
  const auto key = target_ == at::kCPU ? c10::DispatchKey::CPU : c10::DispatchKey::Meta;
  pairs_.emplace_back(tensor, tensor_over(replacement, key, tensor));
  return pairs_.back().second;
}

c10::IValue Wrap::stand_in(const c10::IValue& value) {
  if (value.isTensor()) return stand_in(value.toTensor());
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(stand_in(tensor));
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> list;
    for (const auto& tensor : value.toOptionalTensorVector()) {
      list.push_back(tensor ? std::optional(stand_in(*tensor)) : std::nullopt);
    }
    return list;
  }
  if (value.isDevice()) return c10::Device(target_);
  if (value.isGenerator() && value.toGenerator().device().type() == kType) return cpu_generator(value.toGenerator());
  return value;
}

at::Tensor Wrap::device_tensor(const at::Tensor& result, c10::Device device, bool& fresh) const {
  fresh = false;
  if (!result.defined()) return result;
  for (const auto& [original, stand_in] : pairs_) {
    if (stand_in.is_same(result)) return original;
  }
  const auto known = originals_.find(result.storage().unsafeGetStorageImpl());
  if (known != originals_.end()) return tensor_over(known->second, c10::DispatchKey::PrivateUse1, result);
  fresh = true;
  return at::empty_strided(result.sizes(), result.strides(), result.options().device(device));
}

void each_tensor(const c10::IValue& value, const std::function<void(const at::Tensor&, bool)>& visit) {
  if (value.isTensor()) {
    visit(value.toTensor(), false);
  } else if (value.isTensorList()) {
    for (const at::Tensor& tensor : value.toTensorVector()) visit(tensor, true);
  } else if (value.isOptionalTensorList()) {
    for (const auto& tensor : value.toOptionalTensorVector()) {
      if (tensor) visit(*tensor, false);
    }
  }
}

at::Tensor cpu_alias(const at::Tensor& device_tensor) { return Wrap(at::kCPU).stand_in(device_tensor); }

void copy_result(const at::Tensor& result, const at::Tensor& alias) {
  if (result.strides() != alias.strides()) {
    alias.copy_(result);
    return;
  }
  std::memcpy(alias.mutable_data_ptr(), result.const_data_ptr(),
              at::detail::computeStorageNbytes(result.sizes(), result.strides(), result.itemsize()));
}

}  // namespace loongforge::fake
