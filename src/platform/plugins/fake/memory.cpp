// SPDX-License-Identifier: Apache-2.0
// Device addresses lie in a range without access; the bytes are at a constant distance in a second range that only this
// library knows. A host that follows a device pointer faults at once. New and freed memory holds NaNs.
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "fake.h"

namespace loongforge::fake {

namespace {

constexpr auto kBytesPerDevice = static_cast<size_t>(kDeviceBytes);
constexpr size_t kGrain = 512;
constexpr int kPoison = 0xFF;

char* device_base = nullptr;
char* bytes_base = nullptr;

struct Block {
  char* address;
  size_t bytes;
  c10::DeviceIndex device;
  int stream;
  std::vector<int> other_streams;
};

struct Pool {
  size_t used = 0;
  platform::DeviceMemory counts;
  // By (stream, size), as caching device allocators do: reuse on the same stream needs no wait.
  std::map<std::pair<int, size_t>, std::vector<char*>> free;
};
Pool pools[kDevices];

void release(void* context) {
  const std::unique_ptr<Block> block(static_cast<Block*>(context));
  std::lock_guard guard(lock());
  Stream& stream = stream_of(block->device, block->stream);
  for (int other : block->other_streams) {
    Stream* user = &stream_of(block->device, other);
    enqueue(stream, [user, position = user->queued] { run_until(*user, position); });
  }
  enqueue(stream, [bytes = bytes_behind(block->address), size = block->bytes] { std::memset(bytes, kPoison, size); });
  pools[block->device].counts.in_use -= static_cast<int64_t>(block->bytes);
  pools[block->device].free[{block->stream, block->bytes}].push_back(block->address);
}

class DeviceAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t size) override {
    std::lock_guard guard(lock());
    const c10::DeviceIndex device = current_device();
    Pool& pool = pools[device];
    const size_t bytes = std::max(kGrain, (size + kGrain - 1) / kGrain * kGrain);
    const int stream = exchange_stream(device, 0);
    exchange_stream(device, stream);
    auto& reusable = pool.free[{stream, bytes}];
    char* address;
    if (!reusable.empty()) {
      address = reusable.back();
      reusable.pop_back();
    } else {
      TORCH_CHECK(pool.used + bytes <= kBytesPerDevice, "fake device out of memory");
      address = device_base + kBytesPerDevice * static_cast<size_t>(device) + pool.used;
      pool.used += bytes;
      enqueue(current_stream(device), [to = bytes_behind(address), bytes] { std::memset(to, kPoison, bytes); });
      ++pool.counts.allocations;
    }
    pool.counts.reserved = static_cast<int64_t>(pool.used);
    pool.counts.in_use += static_cast<int64_t>(bytes);
    pool.counts.peak = std::max(pool.counts.peak, pool.counts.in_use);
    return {address, new Block{address, bytes, device, stream, {}}, &release, c10::Device(kType, device)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(bytes_behind(to), bytes_behind(from), bytes);
  }
};

/// Ordinary memory that is remembered as pinned.
class PinnedAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t size) override {
    std::lock_guard guard(lock());
    char* address = static_cast<char*>(std::aligned_alloc(64, (size + 64) / 64 * 64));
    ranges_[address] = size;
    return {address, address, &PinnedAllocator::free, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &PinnedAllocator::free; }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }
  static bool owns(const void* address) {
    std::lock_guard guard(lock());
    const auto* at = static_cast<const char*>(address);
    auto range = ranges_.upper_bound(at);
    if (range == ranges_.begin()) return false;
    --range;
    return at < range->first + std::max<size_t>(range->second, 1);
  }

 private:
  static void free(void* address) {
    std::lock_guard guard(lock());
    ranges_.erase(static_cast<const char*>(address));
    std::free(address);
  }
  static inline std::map<const char*, size_t> ranges_;
};

char* reserve(int protection) {
  void* range = ::mmap(nullptr, kBytesPerDevice * kDevices, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  TORCH_CHECK(range != MAP_FAILED, "cannot reserve address space for the fake device");
  return static_cast<char*>(range);
}

}  // namespace

void reserve_memory() {
  device_base = reserve(PROT_NONE);
  bytes_base = reserve(PROT_READ | PROT_WRITE);
}

bool is_device_address(const void* address) {
  const auto* at = static_cast<const char*>(address);
  return at >= device_base && at < device_base + kBytesPerDevice * kDevices;
}

char* bytes_behind(const void* address) {
  return address ? bytes_base + (static_cast<const char*>(address) - device_base) : nullptr;
}

c10::DeviceIndex device_of_address(const void* address) {
  return static_cast<c10::DeviceIndex>((static_cast<const char*>(address) - device_base) / kBytesPerDevice);
}

c10::Allocator& device_allocator() {
  static DeviceAllocator allocator;
  return allocator;
}

c10::Allocator& pinned_allocator() {
  static PinnedAllocator allocator;
  return allocator;
}

bool is_pinned_address(const void* address) { return PinnedAllocator::owns(address); }

void record_use(const c10::DataPtr& data, int stream) {
  std::lock_guard guard(lock());
  if (data.get_context()) static_cast<Block*>(data.get_context())->other_streams.push_back(stream);
}

void grow_storage(const c10::Storage& storage, size_t bytes) {
  std::lock_guard guard(lock());
  c10::DeviceGuard on(storage.device());
  auto fresh = device_allocator().allocate(bytes);
  if (storage.data()) {
    const size_t kept = std::min(bytes, storage.nbytes());
    enqueue(current_stream(current_device()), [to = bytes_behind(fresh.get()), from = bytes_behind(storage.data()),
                                               kept] { std::memcpy(to, from, kept); });
  }
  storage.unsafeGetStorageImpl()->set_data_ptr(std::move(fresh));  // the old block is freed after the copy
  storage.unsafeGetStorageImpl()->set_nbytes(bytes);
}

platform::DeviceMemory memory_of(c10::DeviceIndex device) {
  std::lock_guard guard(lock());
  return pools[device].counts;
}

}  // namespace loongforge::fake
