// SPDX-License-Identifier: Apache-2.0
// What c10 asks of a device: current device and stream, events, default generator, hooks.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/DeviceGuard.h>

#include <vector>

#include "fake.h"

namespace loongforge::fake {

namespace {

c10::DeviceIndex index_of(c10::Device device) { return device.has_index() ? device.index() : current_device(); }

c10::Stream as_stream(c10::Device device, int stream) {
  return c10::Stream(c10::Stream::UNSAFE, c10::Device(kType, index_of(device)), stream);
}

Stream& queue_of(const c10::Stream& stream) { return stream_of(stream.device_index(), static_cast<int>(stream.id())); }

class Guard final : public c10::impl::DeviceGuardImplInterface {
 public:
  c10::DeviceType type() const override { return kType; }
  c10::Device exchangeDevice(c10::Device device) const override {
    const c10::Device before = getDevice();
    setDevice(device);
    return before;
  }
  c10::Device getDevice() const override { return {kType, current_device()}; }
  void setDevice(c10::Device device) const override { exchange_device(index_of(device)); }
  void uncheckedSetDevice(c10::Device device) const noexcept override { exchange_device(index_of(device)); }
  c10::DeviceIndex deviceCount() const noexcept override { return kDevices; }

  c10::Stream getStream(c10::Device device) const override {
    const int stream = exchange_stream(index_of(device), 0);
    exchange_stream(index_of(device), stream);
    return as_stream(device, stream);
  }
  c10::Stream getDefaultStream(c10::Device device) const override { return as_stream(device, 0); }
  c10::Stream getNewStream(c10::Device device, int) const override { return as_stream(device, next_stream(index_of(device))); }
  c10::Stream getStreamFromGlobalPool(c10::Device device, bool) const override { return getNewStream(device, 0); }
  c10::Stream exchangeStream(c10::Stream stream) const override {
    return as_stream(stream.device(), exchange_stream(stream.device_index(), static_cast<int>(stream.id())));
  }
  bool queryStream(const c10::Stream& stream) const override {
    std::lock_guard guard(lock());
    return queue_of(stream).tasks.empty();
  }
  void synchronizeStream(const c10::Stream& stream) const override {
    std::lock_guard guard(lock());
    drain(queue_of(stream));
  }
  void synchronizeDevice(c10::DeviceIndex device) const override {
    std::lock_guard guard(lock());
    for (int stream = 0; stream < kStreams; ++stream) drain(stream_of(device, stream));
  }

  void record(void** event, const c10::Stream& stream, c10::DeviceIndex, c10::EventFlag) const override {
    std::lock_guard guard(lock());
    if (!*event) *event = new Event;
    *static_cast<Event*>(*event) = {&queue_of(stream), queue_of(stream).queued};
  }
  void block(void* event, const c10::Stream& stream) const override {
    std::lock_guard guard(lock());
    const auto* at = static_cast<Event*>(event);
    if (at && at->stream) enqueue(queue_of(stream), [point = *at] { run_until(*point.stream, point.position); });
  }
  bool queryEvent(void* event) const override {
    std::lock_guard guard(lock());
    const auto* at = static_cast<Event*>(event);
    if (!at || !at->stream || at->stream->done >= at->position) return true;
    run_until(*at->stream, at->stream->done + 1);  // so that a polling loop ends
    return false;
  }
  void synchronizeEvent(void* event) const override {
    std::lock_guard guard(lock());
    const auto* at = static_cast<Event*>(event);
    if (at && at->stream) run_until(*at->stream, at->position);
  }
  void destroyEvent(void* event, c10::DeviceIndex) const noexcept override { delete static_cast<Event*>(event); }
  void recordDataPtrOnStream(const c10::DataPtr& data, const c10::Stream& stream) const override {
    record_use(data, static_cast<int>(stream.id()));
  }
};

class DeviceGenerator final : public c10::GeneratorImpl {
 public:
  explicit DeviceGenerator(c10::DeviceIndex device, at::Generator cpu = at::detail::createCPUGenerator())
      : c10::GeneratorImpl(c10::Device(kType, device), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1)),
        inner(std::move(cpu)) {}
  // Other numbers than the CPU's for the same seed, as on real devices.
  void set_current_seed(uint64_t seed) override { inner.set_current_seed(~seed); }
  uint64_t current_seed() const override { return ~inner.current_seed(); }
  uint64_t seed() override { return inner.seed(); }
  void set_offset(uint64_t offset) override { inner.set_offset(offset); }
  uint64_t get_offset() const override { return inner.get_offset(); }
  void set_state(const c10::TensorImpl& state) override { inner.unsafeGetGeneratorImpl()->set_state(state); }
  c10::intrusive_ptr<c10::TensorImpl> get_state() const override { return inner.unsafeGetGeneratorImpl()->get_state(); }
  DeviceGenerator* clone_impl() const override { return new DeviceGenerator(device_.index(), inner.clone()); }
  at::Generator inner;
};

class Hooks final : public at::PrivateUse1HooksInterface {
 public:
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return kDevices; }
  c10::DeviceIndex getCurrentDevice() const override { return current_device(); }
  void setCurrentDevice(c10::DeviceIndex device) const override { exchange_device(device); }
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex device) const override { return exchange_device(device); }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex device) const override { return exchange_device(device); }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex device) const override { return default_generator(device); }
  at::Generator getNewGenerator(c10::DeviceIndex device) const override {
    return at::make_generator<DeviceGenerator>(device < 0 ? current_device() : device);
  }
  c10::Device getDeviceFromPtr(void* address) const override { return {kType, device_of_address(address)}; }
  bool isPinnedPtr(const void* address) const override { return is_pinned_address(address); }
  at::Allocator* getPinnedMemoryAllocator() const override { return &pinned_allocator(); }
  void resizePrivateUse1Bytes(const c10::Storage& storage, size_t bytes) const override { grow_storage(storage, bytes); }
};

}  // namespace

const at::Generator& default_generator(c10::DeviceIndex device) {
  static const std::vector<at::Generator> generators{at::make_generator<DeviceGenerator>(c10::DeviceIndex(0)),
                                                     at::make_generator<DeviceGenerator>(c10::DeviceIndex(1))};
  return generators[static_cast<size_t>(device < 0 ? current_device() : device)];
}

at::Generator cpu_generator(const at::Generator& generator) {
  return static_cast<DeviceGenerator*>(generator.unsafeGetGeneratorImpl())->inner;
}

void register_guard_and_hooks() {
  static Guard guard;
  static Hooks hooks;
  c10::impl::registerDeviceGuard(kType, &guard);
  at::RegisterPrivateUse1HooksInterface(&hooks);
}

}  // namespace loongforge::fake
