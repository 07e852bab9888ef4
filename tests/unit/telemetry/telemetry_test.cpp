// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "loongforge/core/files.h"
#include "loongforge/telemetry/metrics_file.h"
#include "loongforge/telemetry/step_line.h"

namespace loongforge::telemetry {
namespace {

class MetricsFileTest : public testing::Test {
 protected:
  std::filesystem::path path_ = std::filesystem::path(testing::TempDir()) / "metrics_file_test.jsonl";
  void SetUp() override { std::filesystem::remove(path_); }
  void TearDown() override { std::filesystem::remove(path_); }
};

TEST_F(MetricsFileTest, AppendsOneObjectALine) {
  MetricsFile file(path_, 0);
  file.write({{"step", 1}, {"loss", 2.5}});
  file.write({{"step", 2}, {"loss", std::nan("")}});
  EXPECT_EQ(read_file(path_), "{\"step\":1,\"loss\":2.5}\n{\"step\":2,\"loss\":\"nan\"}\n");
}

TEST_F(MetricsFileTest, ResumeDropsLaterStepsAndATornLine) {
  write_file(path_, "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"st");
  MetricsFile file(path_, 2);
  file.write({{"step", 3}, {"again", true}});
  EXPECT_EQ(read_file(path_), "{\"step\":1}\n{\"step\":2}\n{\"step\":3,\"again\":true}\n");
}

TEST(StepLine, HasTheDocumentedForm) {
  StepNumbers n;
  n.step = 120, n.total_steps = 500, n.loss = 3.21449, n.grad_norm = 0.8712, n.lr = 3e-4;
  n.seconds = 0.611, n.data_seconds = 0.00611, n.units = 0.611 * 12300, n.gemm_share = 0.71;
  n.memory_bytes = 1.21 * (1 << 30), n.eta_seconds = 190;
  EXPECT_EQ(step_line(n),
            "step 120/500 | loss 3.2145 | grad_norm 0.871 | lr 3.00e-04 | 12.3k tok/s | 0.611 s | 71% of GEMM limit | "
            "data 1% | mem 1.21 GiB | eta 3m10s");
  n.predicted_seconds = 0.58;
  EXPECT_NE(step_line(n).find("0.611 s (pred 0.580) |"), std::string::npos);
}

TEST(StepLine, MegatronFormHasItsFields) {
  StepNumbers n;
  n.step = 7, n.total_steps = 10, n.loss = 2.0, n.seconds = 0.25;
  const auto line = megatron_line(n);
  for (const char* part : {"iteration        7/      10 |", "elapsed time per iteration (ms): 250.0 |", "lm loss: 2.000000E+00 |"}) {
    EXPECT_NE(line.find(part), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace loongforge::telemetry
