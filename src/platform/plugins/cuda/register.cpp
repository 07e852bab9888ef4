// SPDX-License-Identifier: Apache-2.0
// CUDA devices through LibTorch's own backend: this library brings it into the process, sets it up, and tells what is there.
#include <ATen/Context.h>
#include <ATen/cuda/CUDAContextLight.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <cstdlib>
#include <mutex>

#include "loongforge/core/error.h"
#include "loongforge/platform/device.h"

namespace loongforge::cuda {
namespace {

constexpr const char* kElse = ", or use platform.device=cpu";

/// "13.0" of CUDA's 13000.
std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

int driver_version() {
  int version = 0;
  return ::cudaDriverGetVersion(&version) == cudaSuccess ? version : 0;
}

bool has_driver_library() {
  void* library = ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (library) ::dlclose(library);
  return library != nullptr;
}

/// c10 answers 0 for every reason, so the runtime is asked itself.
cudaError_t ask(int& count) {
  count = 0;
  const cudaError_t result = ::cudaGetDeviceCount(&count);
  ::cudaGetLastError();  // it would come up again in the next call of anyone
  return result;
}

int count() {
  int devices = 0;
  return has_driver_library() && ask(devices) == cudaSuccess ? devices : 0;
}

platform::NoDevice why_none() {
  if (!has_driver_library()) {
    return {"no NVIDIA driver on this machine (libcuda.so.1 is not found)",
            std::string("install the driver, or start the container with the GPUs in it") + kElse};
  }
  int devices = 0;
  const cudaError_t result = ask(devices);
  if (result == cudaErrorInsufficientDriver) {
    return {fmt::format("the NVIDIA driver is for CUDA {}, this build needs {}", version_text(driver_version()),
                        version_text(CUDART_VERSION)),
            std::string("install a newer driver") + kElse};
  }
  if (result == cudaSuccess || result == cudaErrorNoDevice) {
    const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
    return {visible ? fmt::format("the NVIDIA driver shows no GPU (CUDA_VISIBLE_DEVICES={})", visible)
                    : "the NVIDIA driver shows no GPU",
            std::string("look at nvidia-smi and CUDA_VISIBLE_DEVICES") + kElse};
  }
  return {fmt::format("the NVIDIA driver does not start: {}", ::cudaGetErrorString(result)),
          std::string("look at nvidia-smi and the kernel's log") + kElse};
}

platform::DeviceInfo info(int index) {
  const auto* properties = at::cuda::getDeviceProperties(static_cast<c10::DeviceIndex>(index));
  return {properties->name,
          fmt::format("sm_{}{}, {} multiprocessors, driver for CUDA {}", properties->major, properties->minor,
                      properties->multiProcessorCount, version_text(driver_version())),
          static_cast<int64_t>(properties->totalGlobalMem)};
}

platform::DeviceMemory memory(int index) {
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(index));
  const auto& used = stats.allocated_bytes[0];  // over all pools
  return {used.current, used.peak, stats.reserved_bytes[0].current, stats.num_device_alloc};
}

bool given(const char* variable) { return std::getenv(variable) != nullptr; }

/// Before the first use of the device: cuBLAS reads its workspace setting once, and the allocator can't change later.
void set_process_up() {
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);  // the same bits each time
  auto& context = at::globalContext();
  context.setBenchmarkCuDNN(false);
  context.setDeterministicCuDNN(context.deterministicAlgorithms());
  context.setAllowTF32CuBLAS(false);
  context.setAllowTF32CuDNN(false);
  context.setAllowFP16ReductionCuBLAS(false);  // sums in fp32
  context.setAllowBF16ReductionCuBLAS(false);
  if (!given("PYTORCH_ALLOC_CONF") && !given("PYTORCH_CUDA_ALLOC_CONF")) {
    c10::cuda::CUDACachingAllocator::setAllocatorSettings("expandable_segments:True");
  }
}

}  // namespace
}  // namespace loongforge::cuda

extern "C" void lf_device_register(loongforge::platform::DeviceApi* api) {
  using namespace loongforge;
  static std::once_flag once;
  std::call_once(once, cuda::set_process_up);
  api->abi = platform::kDeviceAbi;
  api->type = c10::DeviceType::CUDA;
  api->count = cuda::count;
  api->why_none = cuda::why_none;
  api->select = [](int index) { c10::cuda::set_device(static_cast<c10::DeviceIndex>(index)); };
  api->info = cuda::info;
  api->memory = cuda::memory;
}
