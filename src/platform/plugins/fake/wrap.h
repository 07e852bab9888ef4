// SPDX-License-Identifier: Apache-2.0
// Stand-ins: CPU or Meta tensors over the storages of device tensors, so that an in-place or out= op, or a view, keeps its
// meaning without a copy.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <c10/core/Storage.h>

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "fake.h"

namespace loongforge::fake {

/// The tensors of one op call and their stand-ins. Arguments that share a storage share its stand-in.
class Wrap {
 public:
  /// `target`: the CPU (same bytes) or Meta (shapes only).
  explicit Wrap(c10::DeviceType target) : target_(target) {}
  at::Tensor stand_in(const at::Tensor& tensor);
  /// Tensors, lists of tensors, devices and generators replaced; all else as it is.
  c10::IValue stand_in(const c10::IValue& value);
  /// The device tensor for a stand-in result: the argument itself, a view of an argument's storage, or a fresh tensor
  /// on `device` (`fresh` is then set, and its bytes are undefined).
  at::Tensor device_tensor(const at::Tensor& result, c10::Device device, bool& fresh) const;
  /// (device tensor, stand-in) of every argument.
  const std::vector<std::pair<at::Tensor, at::Tensor>>& pairs() const { return pairs_; }

 private:
  c10::DeviceType target_;
  std::map<c10::StorageImpl*, c10::Storage> stand_ins_;  // by the device's storage
  std::map<c10::StorageImpl*, c10::Storage> originals_;  // by the stand-in's
  std::vector<std::pair<at::Tensor, at::Tensor>> pairs_;
};

/// Calls `visit(tensor, in_a_list)` for each tensor in a value.
void each_tensor(const c10::IValue& value, const std::function<void(const at::Tensor&, bool)>& visit);
/// A CPU tensor over the bytes of a device tensor.
at::Tensor cpu_alias(const at::Tensor& device_tensor);
/// Copies a CPU result into the alias of a device tensor of the same sizes.
void copy_result(const at::Tensor& result, const at::Tensor& alias);

}  // namespace loongforge::fake
