// SPDX-License-Identifier: Apache-2.0
// One boxed kernel for every op: the CPU's kernel over the device's bytes, now or when the stream gets there.
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <set>
#include <string>

#include "wrap.h"

namespace loongforge::fake {

namespace {

using c10::IValue;
using Values = std::vector<IValue>;

struct Call {
  c10::OperatorHandle op;
  Values args;
  c10::Device device{kType};
  bool has_generator = false;

  std::string name() const {
    const auto& schema = op.schema();
    return schema.overload_name().empty() ? schema.name() : schema.name() + "." + schema.overload_name();
  }
  Values run(Values inputs, c10::DispatchKey key) const {
    torch::jit::Stack stack(std::move(inputs));
    op.redispatchBoxed(c10::DispatchKeySet(key), &stack);
    return stack;
  }
  Values stand_ins(Wrap& wrap) const {
    Values inputs;
    for (const auto& arg : args) inputs.push_back(wrap.stand_in(arg));
    return inputs;
  }
};

bool takes_host_indices(const std::string& name) {
  static const std::set<std::string> names{"aten::index",       "aten::index_put",      "aten::index_put_",
                                           "aten::_index_put_impl_", "aten::_unsafe_index", "aten::_unsafe_index_put"};
  return names.count(name) > 0;
}

/// The device of the call. Refuses mixtures of devices that a real accelerator refuses too.
void find_device(Call& call) {
  std::optional<c10::Device> device;
  for (const auto& arg : call.args) {
    each_tensor(arg, [&](const at::Tensor& tensor, bool) {
      if (!tensor.defined() || tensor.device().type() != kType) return;
      TORCH_CHECK(!device || *device == tensor.device(), call.name(), ": tensors on ", *device, " and ", tensor.device());
      device = tensor.device();
    });
    if (arg.isDevice() && !device) device = arg.toDevice();
  }
  const bool host_indices = takes_host_indices(call.op.schema().name());
  for (const auto& arg : call.args) {
    each_tensor(arg, [&](const at::Tensor& tensor, bool in_list) {
      const bool scalar = tensor.defined() && tensor.dim() == 0 && !in_list;
      TORCH_CHECK(!tensor.defined() || !tensor.is_cpu() || host_indices || scalar, call.name(),
                  ": expected all tensors on the device but got one on the CPU, of sizes ", tensor.sizes());
    });
  }
  call.device = device && device->has_index() ? *device : c10::Device(kType, current_device());
}

/// Ops that draw numbers take the device's generator, never the CPU's.
void set_generator(Call& call) {
  const auto& arguments = call.op.schema().arguments();
  for (size_t i = 0; i < call.args.size(); ++i) {
    if (arguments[i].type()->str() != "Generator?") continue;
    call.has_generator = true;
    if (call.args[i].isNone()) call.args[i] = default_generator(call.device.index());
  }
}

bool writes_in_place_only(const c10::FunctionSchema& schema) {
  if (schema.overload_name().find("out") != std::string::npos) return false;
  for (const auto& result : schema.returns()) {
    if (!result.alias_info() || !result.alias_info()->isWrite()) return false;
  }
  return true;
}

/// May the op wait in the queue? Only when its results can be known without running it.
bool can_wait(const Call& call) {
  for (const auto& result : call.op.schema().returns()) {
    const std::string type = result.type()->str();
    if (type != "Tensor" && type != "Tensor[]") return false;
  }
  return lazy() && !call.has_generator && !call.op.hasTag(at::Tag::data_dependent_output) &&
         !call.op.hasTag(at::Tag::dynamic_output_shape);
}

Values in_place_results(const Call& call) {
  Values results;
  const auto& schema = call.op.schema();
  for (const auto& result : schema.returns()) {
    for (size_t i = 0; i < call.args.size(); ++i) {
      const auto* alias = schema.arguments()[i].alias_info();
      if (alias && *alias == *result.alias_info()) results.push_back(call.args[i]);
    }
  }
  return results;
}

Values map_tensors(const Values& values, const std::function<at::Tensor(const at::Tensor&)>& map) {
  Values mapped;
  for (const auto& value : values) {
    if (value.isTensor()) {
      mapped.push_back(map(value.toTensor()));
    } else if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(map(tensor));
      mapped.push_back(list);
    } else {
      mapped.push_back(value);
    }
  }
  return mapped;
}

/// Queues the op; results get their shapes from the Meta kernel. Nothing when they cannot be known that way.
std::optional<Values> run_later(const Call& call) {
  const bool in_place = writes_in_place_only(call.op.schema());
  Wrap meta(at::kMeta);
  Values shapes;
  if (!in_place) {
    if (!call.op.hasComputedKernelForDispatchKey(c10::DispatchKey::Meta)) return std::nullopt;
    try {
      shapes = call.run(call.stand_ins(meta), c10::DispatchKey::Meta);
    } catch (const c10::Error&) {
      return std::nullopt;
    }
    for (const auto& [tensor, shape] : meta.pairs()) {
      if (tensor.device().type() == kType && tensor.sizes() != shape.sizes()) {
        set_geometry(tensor, shape.sizes(), std::nullopt, tensor.storage_offset());
      }
    }
  }
  std::vector<std::pair<size_t, at::Tensor>> fresh_results;  // (number of the result, alias of its bytes)
  size_t number = 0;
  Values results = in_place ? in_place_results(call) : map_tensors(shapes, [&](const at::Tensor& shape) {
    bool fresh = false;
    at::Tensor tensor = meta.device_tensor(shape, call.device, fresh);
    if (fresh) fresh_results.emplace_back(number, cpu_alias(tensor));
    ++number;
    return tensor;
  });
  Wrap cpu(at::kCPU);
  enqueue(current_stream(current_device()), [call, inputs = call.stand_ins(cpu), fresh_results] {
    size_t at = 0, next = 0;
    for (const auto& value : call.run(inputs, c10::DispatchKey::CPU)) {
      each_tensor(value, [&](const at::Tensor& tensor, bool) {
        if (next < fresh_results.size() && fresh_results[next].first == at) copy_result(tensor, fresh_results[next++].second);
        ++at;
      });
    }
  });
  return results;
}

Values run_now(const Call& call) {
  Stream& stream = current_stream(current_device());
  drain(stream);
  Wrap cpu(at::kCPU);
  const Values results = call.run(call.stand_ins(cpu), c10::DispatchKey::CPU);
  for (const auto& [tensor, alias] : cpu.pairs()) {  // out= arguments that the kernel has resized
    if (tensor.sizes() == alias.sizes() && bytes_behind(tensor.storage().data()) == alias.storage().data()) continue;
    set_geometry(tensor, alias.sizes(), alias.strides(), tensor.storage_offset());
    drain(stream);
    copy_result(alias, cpu_alias(tensor));
  }
  return map_tensors(results, [&](const at::Tensor& result) {
    bool fresh = false;
    at::Tensor tensor = cpu.device_tensor(result, call.device, fresh);
    if (fresh) {
      drain(stream);
      copy_result(result, cpu_alias(tensor));
    }
    return tensor;
  });
}

void fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  std::lock_guard guard(lock());
  const size_t count = op.schema().arguments().size(), first = stack->size() - count;
  Call call{op, Values(stack->begin() + static_cast<std::ptrdiff_t>(first), stack->end())};
  find_device(call);
  set_generator(call);
  c10::DeviceGuard on(call.device);
  std::optional<Values> results;
  if (can_wait(call)) results = run_later(call);
  if (!results) results = run_now(call);
  stack->resize(first);
  for (auto& value : *results) stack->push_back(std::move(value));
}

}  // namespace

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&fallback>());
}

}  // namespace loongforge::fake
