// SPDX-License-Identifier: Apache-2.0
// A simulated accelerator for tests (a PrivateUse1 backend): memory that host code cannot touch, streams that run only
// when something waits for them, every op by the CPU's kernel. What breaks here would break on a real device.
#pragma once
#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/core/Allocator.h>
#include <c10/core/Device.h>
#include <c10/core/Stream.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

#include "loongforge/platform/device.h"

namespace loongforge::fake {

constexpr auto kType = c10::DeviceType::PrivateUse1;
constexpr int kDevices = 2, kStreams = 8;
constexpr int64_t kDeviceBytes = int64_t{1} << 36;  // of address space; pages appear when touched

// ---- simulation.cpp: streams and events
struct Stream {
  std::deque<std::function<void()>> tasks;
  uint64_t queued = 0, done = 0;
};
/// A point in a stream: reached when `done >= position`.
struct Event {
  Stream* stream = nullptr;
  uint64_t position = 0;
};

/// One lock for the whole simulation: rank threads and autograd come in concurrently, and tasks may call ops.
std::recursive_mutex& lock();
/// Lazy: a task runs only when a host wait or another stream forces it (LF_FAKE_DEVICE=lazy), so that a missing wait
/// gives a wrong result every time; otherwise tasks run at once.
bool lazy();
Stream& stream_of(c10::DeviceIndex device, int stream);
Stream& current_stream(c10::DeviceIndex device);
int exchange_stream(c10::DeviceIndex device, int stream);
int next_stream(c10::DeviceIndex device);
c10::DeviceIndex current_device();
c10::DeviceIndex exchange_device(c10::DeviceIndex device);
void enqueue(Stream& stream, std::function<void()> task);
void run_until(Stream& stream, uint64_t position);
inline void drain(Stream& stream) { run_until(stream, stream.queued); }

// ---- memory.cpp
/// Reserves the address ranges: what tensors point at (no access) and the mapping of the same bytes that kernels use.
void reserve_memory();
bool is_device_address(const void* address);
/// The bytes behind a device address; null stays null.
char* bytes_behind(const void* address);
c10::DeviceIndex device_of_address(const void* address);
c10::Allocator& device_allocator();
c10::Allocator& pinned_allocator();
bool is_pinned_address(const void* address);
/// The block of `data` must not be reused before `stream`'s work so far is done.
void record_use(const c10::DataPtr& data, int stream);
platform::DeviceMemory memory_of(c10::DeviceIndex device);
/// Gives the storage room for `bytes`, keeping what it holds.
void grow_storage(const c10::Storage& storage, size_t bytes);

// ---- guard.cpp
/// The device's default generator: wraps a CPU generator, which the CPU kernels insist on.
const at::Generator& default_generator(c10::DeviceIndex device);
/// The CPU generator inside.
at::Generator cpu_generator(const at::Generator& generator);
void register_guard_and_hooks();

// ---- wrap.cpp
/// Views device tensors as CPU or Meta tensors over the same bytes, for one call of an op.
class Wrap;

// ---- ops.cpp
const at::Tensor& set_geometry(const at::Tensor& tensor, at::IntArrayRef sizes, at::OptionalIntArrayRef strides,
                               int64_t offset);


}  // namespace loongforge::fake
