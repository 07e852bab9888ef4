// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "loongforge/core/files.h"
#include "loongforge/telemetry/metrics_file.h"
#include "loongforge/telemetry/progress.h"
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

TEST_F(MetricsFileTest, LinesThatDidNotFitComeOnceThereIsSpace) {
  const std::string first = "{\"step\":1,\"loss\":2.5}\n";
  MetricsFile file(path_, 0);
  EXPECT_TRUE(file.write({{"step", 1}, {"loss", 2.5}}));
  rlimit before;
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit narrow{first.size() + 5, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &narrow);
  EXPECT_FALSE(file.write({{"step", 2}}));
  EXPECT_EQ(read_file(path_), first);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(file.write({{"step", 3}}));
  EXPECT_EQ(read_file(path_), first + "{\"step\":2}\n{\"step\":3}\n");
}

TEST(StepLine, HasTheDocumentedForm) {
  StepNumbers n;
  n.step = 120, n.total_steps = 500, n.loss = 3.21449, n.grad_norm = 0.8712, n.lr = 3e-4;
  n.seconds = 0.611, n.data_seconds = 0.00611, n.units = 0.611 * 12300, n.gemm_share = 0.71;
  n.memory_bytes = 1.21 * (1 << 30), n.eta_seconds = 190;
  EXPECT_EQ(step_line(n),
            "step 120/500 | loss 3.2145 | grad_norm 0.871 | lr 3.00e-04 | 12.3k tok/s | 0.611 s | 71% of GEMM limit | "
            "data 1% | mem 1.21 GiB | eta 3m10s");
  n.mfu = 0.54;
  EXPECT_NE(step_line(n).find("71% of GEMM limit | mfu 54% | data 1%"), std::string::npos);
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

/// What a terminal of `columns` columns receives while `body` runs.
template <class Body>
std::string on_terminal(unsigned short columns, Body&& body) {
  int primary = -1, secondary = -1;
  winsize size{24, columns, 0, 0};
  if (::openpty(&primary, &secondary, nullptr, nullptr, &size) != 0) return "no terminal";
  std::FILE* out = ::fdopen(secondary, "w");
  body(out);
  std::string seen(4096, '\0');
  seen.resize(static_cast<size_t>(std::max<ssize_t>(0, ::read(primary, seen.data(), seen.size()))));
  std::fclose(out);
  ::close(primary);
  return seen;
}

TEST(ProgressTest, OnATerminalTheShownLineIsCutAndWiped) {
  const auto seen = on_terminal(10, [](std::FILE* out) {
    Progress progress(out);
    progress.show("0123456789abc");
    progress.show("too soon");
    progress.keep("stays, however long");
    progress.keep("next");
  });
  EXPECT_EQ(seen, "\r\x1b[K012345678\r\x1b[Kstays, however long\r\nnext\r\n");
}

TEST(ProgressTest, AnOpenLineIsEnded) {
  EXPECT_EQ(on_terminal(80, [](std::FILE* out) { Progress(out).show("a"); }), "\r\x1b[Ka\r\n");
}

TEST(ProgressTest, InAFileOnlyWhatStays) {
  std::FILE* out = std::tmpfile();
  ASSERT_NE(out, nullptr);
  {
    Progress progress(out);
    progress.show("a");
    progress.keep("b");
  }
  std::rewind(out);
  std::array<char, 16> text{};
  EXPECT_EQ(std::fread(text.data(), 1, text.size(), out), 2u);
  EXPECT_STREQ(text.data(), "b\n");
  std::fclose(out);
}

}  // namespace
}  // namespace loongforge::telemetry
