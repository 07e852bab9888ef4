// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/machine.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace loongforge {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kGiB = uint64_t{1} << 30;

class FakeMachine : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(root_);
    write("proc/meminfo", "MemTotal:       8388608 kB\nMemFree: 1 kB\nMemAvailable:   4194304 kB\n");
    write("proc/self/cgroup", "0::/job\n");
  }
  void TearDown() override { fs::remove_all(root_); }
  void write(const std::string& name, const std::string& text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  HostMemory memory() { return host_memory((root_ / "proc").string(), (root_ / "cgroup").string()); }

  fs::path root_ = fs::path(testing::TempDir()) / ("lf_machine_" + std::to_string(::getpid()));
};

TEST_F(FakeMachine, WithoutALimit) {
  write("cgroup/job/memory.max", "max\n");
  write("cgroup/job/memory.current", "5\n");
  EXPECT_EQ(memory().total, 8 * kGiB);
  EXPECT_EQ(memory().available, 4 * kGiB);
  EXPECT_FALSE(memory().limited);
}

TEST_F(FakeMachine, ALimitCountsWithoutDroppableCache) {
  write("cgroup/job/memory.max", std::to_string(3 * kGiB));
  write("cgroup/job/memory.current", std::to_string(2 * kGiB));
  write("cgroup/job/memory.stat", "anon 5\ninactive_file " + std::to_string(kGiB) + "\nactive_file 0\n");
  EXPECT_EQ(memory().total, 3 * kGiB);
  EXPECT_EQ(memory().available, 2 * kGiB);
  EXPECT_TRUE(memory().limited);
}

TEST_F(FakeMachine, ALimitOfAParentCounts) {
  write("proc/self/cgroup", "0::/slice/job\n");
  write("cgroup/slice/memory.max", std::to_string(2 * kGiB));
  write("cgroup/slice/memory.current", std::to_string(kGiB));
  EXPECT_EQ(memory().available, kGiB);
}

TEST_F(FakeMachine, OlderControlGroups) {
  write("proc/self/cgroup", "4:cpu,memory:/job\n");
  write("cgroup/memory/job/memory.limit_in_bytes", std::to_string(2 * kGiB));
  write("cgroup/memory/job/memory.usage_in_bytes", std::to_string(kGiB));
  write("cgroup/memory/job/memory.stat", "total_inactive_file 0\ntotal_active_file " + std::to_string(kGiB / 2) + "\n");
  write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("cgroup/memory/memory.usage_in_bytes", "1\n");
  EXPECT_EQ(memory().total, 2 * kGiB);
  EXPECT_EQ(memory().available, kGiB + kGiB / 2);
}

TEST_F(FakeMachine, GarbageGivesZeros) {
  write("proc/meminfo", "nonsense");
  write("proc/self/cgroup", "::\n0\n");
  EXPECT_EQ(memory().total, 0u);
  EXPECT_EQ(memory().available, 0u);
  EXPECT_EQ(host_memory("/nowhere", "/nowhere").total, 0u);
}

TEST(Machine, ThisOne) {
  EXPECT_GE(usable_cores(), 1);
  EXPECT_LE(usable_cores(), static_cast<int>(std::thread::hardware_concurrency()));
  EXPECT_GT(host_memory().total, 0u);
  EXPECT_LE(host_memory().available, host_memory().total);
  const GpuReport report = nvidia_gpus();
  EXPECT_TRUE(report.gpus.empty() || !report.driver.empty());
}

}  // namespace
}  // namespace loongforge
