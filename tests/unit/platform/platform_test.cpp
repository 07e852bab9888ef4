// SPDX-License-Identifier: Apache-2.0
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/full.h>
#include <c10/core/AutogradState.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "loongforge/core/error.h"
#include "loongforge/platform/device.h"
#include "loongforge/platform/dtype.h"
#include "loongforge/platform/gemm_limit.h"
#include "loongforge/platform/runtime.h"

namespace loongforge::platform {
namespace {

constexpr Dtype kAll[] = {Dtype::f64, Dtype::f32, Dtype::bf16, Dtype::f16, Dtype::f8_e4m3, Dtype::f8_e5m2,
                          Dtype::i64, Dtype::i32, Dtype::i16,  Dtype::i8,  Dtype::u8,      Dtype::boolean};

TEST(PlatformDtype, RoundTripsAndKeepsSizes) {
  for (Dtype dtype : kAll) {
    EXPECT_EQ(from_torch(to_torch(dtype)), dtype);
    EXPECT_EQ(c10::elementSize(to_torch(dtype)), dtype_size(dtype));
  }
  EXPECT_THROW(from_torch(at::ScalarType::ComplexFloat), ConfigError);
}

TEST(PlatformDtype, AccumulationType) {
  EXPECT_EQ(acc(at::kDouble), at::kDouble);
  for (auto narrow : {at::kFloat, at::kBFloat16, at::kHalf}) EXPECT_EQ(acc(narrow), at::kFloat);
  EXPECT_EQ(acc(at::kLong), at::kLong);
}

TEST(PlatformDtype, Describe) {
  EXPECT_EQ(describe(at::full({2, 3}, 1, at::TensorOptions().dtype(at::kBFloat16))), "bfloat16 [2, 3]");
  EXPECT_EQ(describe(at::Tensor()), "(no tensor)");
}

TEST(Runtime, IntraOpThreadsAreRestored) {
  const int before = at::get_num_threads();
  {
    IntraOpThreads three(3);
    EXPECT_EQ(at::get_num_threads(), 3);
    IntraOpThreads one(1);
    EXPECT_EQ(at::get_num_threads(), 1);
  }
  EXPECT_EQ(at::get_num_threads(), before);
}

TEST(Runtime, RankThreadTurnsAutogradThreadsOffForItselfOnly) {
  const auto multithreading = [] { return c10::AutogradState::get_tls_state().get_multithreading_enabled(); };
  const bool before = multithreading();
  {
    RankThread rank;
    EXPECT_FALSE(multithreading());
    std::thread([&] { EXPECT_TRUE(multithreading()); }).join();
  }
  EXPECT_EQ(multithreading(), before);
}

float smallest_halved() {
  volatile float value = 1.17549435e-38F;  // the smallest normal float
  return value * 0.5F;
}

TEST(Runtime, FirstSetUpWins) {
  std::thread([] {  // its own thread: the set-up makes its caller a rank thread
    RuntimeOptions options;
    options.threads = 1;
    init_runtime(options);
    EXPECT_TRUE(runtime_initialised());
    EXPECT_NO_THROW(init_runtime(options));
    options.threads = 2;
    EXPECT_THROW(init_runtime(options), ConfigError);
    EXPECT_TRUE(at::globalContext().deterministicAlgorithms());
#if defined(__SSE2__)
    EXPECT_EQ(smallest_halved(), 0.0F);
#endif
  }).join();
  EXPECT_GT(smallest_halved(), 0.0F);
  std::thread([] {
    RankThread rank;
#if defined(__SSE2__)
    EXPECT_EQ(smallest_halved(), 0.0F);
#endif
  }).join();
}

TEST(PublishedPeak, ByNameAndType) {
  EXPECT_EQ(peak_of_device_named(Dtype::bf16, "NVIDIA H100 80GB HBM3"), 989e12);
  EXPECT_EQ(peak_of_device_named(Dtype::bf16, "NVIDIA H100 PCIe"), 756e12);
  EXPECT_EQ(peak_of_device_named(Dtype::bf16, "NVIDIA H200"), 989e12);
  EXPECT_EQ(peak_of_device_named(Dtype::f32, "NVIDIA H100 80GB HBM3"), std::nullopt);
  EXPECT_EQ(peak_of_device_named(Dtype::bf16, "unknown"), std::nullopt);
  EXPECT_EQ(published_peak(Dtype::bf16, c10::Device(c10::kCPU)), std::nullopt);
}

TEST(Device, CpuIsBuiltInAndCopiesToItAreNoHostSync) {
  const c10::Device cpu = open_device("cpu", 3);
  EXPECT_TRUE(cpu.is_cpu());
  const at::Tensor tensor = at::full({2}, 1);
  const int64_t before = host_sync_count();
  EXPECT_TRUE(to_host(tensor).is_same(tensor));
  EXPECT_TRUE(to_device(tensor, tensor.device()).is_same(tensor));
  EXPECT_EQ(host_sync_count(), before);
}

TEST(Device, AMissingPlugInNamesWhereItWasLookedFor) {
  try {
    open_device("no_such_device", 0);
    FAIL() << "found";
  } catch (const ResourceError& e) {
    EXPECT_THAT(e.what(), ::testing::HasSubstr("liblf_no_such_device.so"));
    EXPECT_THAT(e.hint(), ::testing::HasSubstr("LOONGFORGE_PLUGIN_PATH"));
  }
}

TEST(GemmLimit, IsMeasuredOnceAndNotWhereNothingRuns) {
  const double limit = gemm_limit(Dtype::f32, c10::Device(c10::kCPU));
  EXPECT_GT(limit, 1e8);
  EXPECT_EQ(gemm_limit(Dtype::f32, c10::Device(c10::kCPU)), limit);
  EXPECT_EQ(gemm_limit(Dtype::f32, c10::Device(c10::kMeta)), 0);
}

}  // namespace
}  // namespace loongforge::platform
