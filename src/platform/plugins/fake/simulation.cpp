// SPDX-License-Identifier: Apache-2.0
// Streams are queues without threads, run by whoever waits: deterministic, whatever the schedule of the host.
#include <ATen/core/LegacyTypeDispatch.h>

#include <cstdlib>
#include <string_view>
#include <utility>

#include "fake.h"

namespace loongforge::fake {

namespace {

Stream streams[kDevices][kStreams];
int streams_given[kDevices] = {};
thread_local c10::DeviceIndex device_of_thread = 0;
thread_local int stream_of_thread[kDevices] = {};

}  // namespace

std::recursive_mutex& lock() {
  static std::recursive_mutex mutex;
  return mutex;
}

bool lazy() {
  static const bool value = [] {
    const char* mode = std::getenv("LF_FAKE_DEVICE");
    return mode && std::string_view(mode) == "lazy";
  }();
  return value;
}

Stream& stream_of(c10::DeviceIndex device, int stream) { return streams[device][stream]; }
Stream& current_stream(c10::DeviceIndex device) { return streams[device][stream_of_thread[device]]; }
int exchange_stream(c10::DeviceIndex device, int stream) { return std::exchange(stream_of_thread[device], stream); }
int next_stream(c10::DeviceIndex device) { return 1 + streams_given[device]++ % (kStreams - 1); }
c10::DeviceIndex current_device() { return device_of_thread; }
c10::DeviceIndex exchange_device(c10::DeviceIndex device) { return std::exchange(device_of_thread, device); }

void run_until(Stream& stream, uint64_t position) {
  // Tasks are kernels: whichever thread waits, nothing of them is recorded for autograd.
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  while (stream.done < position) {
    auto task = std::move(stream.tasks.front());
    stream.tasks.pop_front();
    // Counted at the end, also when the task throws: a task may itself wait on earlier ones.
    struct Count {
      Stream& stream;
      ~Count() { ++stream.done; }
    } count{stream};
    task();
  }
}

void enqueue(Stream& stream, std::function<void()> task) {
  stream.tasks.push_back(std::move(task));
  ++stream.queued;
  if (!lazy()) drain(stream);
}

}  // namespace loongforge::fake
