// SPDX-License-Identifier: Apache-2.0
// The launcher with /bin/sh as the workers' program.
#include "loongforge/launch/spawner.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "loongforge/core/error.h"

namespace loongforge::launch {
namespace {

class Spawner : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "lf_spawner_" + std::to_string(::getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  SpawnOptions shell(const std::string& script, int workers) const {
    SpawnOptions options;
    options.command = {"sh", "-c", script};
    options.workers = workers;
    options.environment["DIR"] = folder_;
    return options;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(folder_ + "/" + name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void make_fifo(const std::string& name) const { ASSERT_EQ(::mkfifo((folder_ + "/" + name).c_str(), 0600), 0); }

  std::string folder_;
};

TEST_F(Spawner, GivesEachRankItsEnvironmentAndLog) {
  SpawnOptions options =
      shell("echo $RANK/$WORLD_SIZE $LOCAL_RANK $MASTER_ADDR ${MASTER_PORT:+port}; echo e$RANK >&2", 3);
  options.log_dir = folder_ + "/logs";
  const SpawnResult result = spawn_workers(options);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.failed_rank, -1);
  for (const char* rank : {"0", "1", "2"}) {
    const std::string base = std::string("logs/attempt_0/") + rank;
    EXPECT_EQ(read(base + "/stdout.log"), std::string(rank) + "/3 " + rank + " 127.0.0.1 port\n");
    EXPECT_EQ(read(base + "/stderr.log"), std::string("e") + rank + "\n");
  }
}

TEST_F(Spawner, TeeShowsMarkedLinesAndLogsThem) {
  SpawnOptions options = shell("echo one; printf two", 1);
  options.log_dir = folder_ + "/logs";
  options.tee = Tee::out;
  ::testing::internal::CaptureStdout();
  spawn_workers(options);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "[rank 0] one\n[rank 0] two\n");
  EXPECT_EQ(read("logs/attempt_0/0/stdout.log"), "one\ntwo");
}

TEST_F(Spawner, OneFailureEndsAllAndIsNamed) {
  // The others would wait for ever in a fifo; rank 1 fails only once they are there.
  make_fifo("ready");
  make_fifo("never");
  const SpawnResult result = spawn_workers(shell(
      "if [ $RANK = 1 ]; then read a < $DIR/ready; exit 3; fi; "
      "[ $RANK = 0 ] && echo x > $DIR/ready; read b < $DIR/never", 3));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.failed_rank, 1);
  EXPECT_EQ(result.reason, "rank 1 exited with code 3");
}

TEST_F(Spawner, EscalatesToKillAndTakesDescendantsAlong) {
  make_fifo("ready");
  make_fifo("never");
  // Rank 0 ignores SIGTERM, and so does the child it starts in its group.
  SpawnOptions options = shell(
      "if [ $RANK = 1 ]; then read a < $DIR/ready; exit 4; fi; trap '' TERM; "
      "sh -c 'echo $$ > $DIR/child; echo x > $DIR/ready; read b < $DIR/never' & wait; wait", 2);
  options.failure_grace = std::chrono::milliseconds(50);
  const SpawnResult result = spawn_workers(options);
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.failed_rank, 1);
  const pid_t child = std::stoi(read("child"));
  // SIGKILL has been sent to it; it may still be on its way out.
  for (int i = 0; i < 100000 && ::kill(child, 0) == 0; ++i) {
    std::string state = "gone", skip;
    std::ifstream("/proc/" + std::to_string(child) + "/stat") >> skip >> skip >> state;
    if (state == "Z" || state == "gone") break;
    ::usleep(100);
    ASSERT_LT(i, 99999) << "a descendant survived";
  }
}

TEST_F(Spawner, SignalledWorkerGives128PlusN) {
  const SpawnResult result = spawn_workers(shell("[ $RANK = 0 ] && kill -9 $$; exit 0", 2));
  EXPECT_EQ(result.exit_code, 128 + SIGKILL);
  EXPECT_THAT(result.reason, ::testing::HasSubstr("rank 0 was killed by signal 9"));
}

TEST_F(Spawner, RestartsUpToTheBudget) {
  SpawnOptions options = shell("[ $TORCHELASTIC_RESTART_COUNT = 2 ]", 2);
  options.max_restarts = 2;
  SpawnResult result = spawn_workers(options);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.restarts, 2);
  options.max_restarts = 1;
  result = spawn_workers(options);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.restarts, 1);
}

TEST_F(Spawner, ForwardsSignalsAndDoesNotRestartAfterOne) {
  // Every worker answers by leaving a mark and ending by the signal's code, as a trainer that saves does. It takes longer than
  // the time that workers have after a failure of one of them.
  for (const auto& [name, number] : {std::pair("TERM", SIGTERM), {"USR1", SIGUSR1}}) {
    SpawnOptions options = shell(
        fmt::format("trap 'echo saved > $DIR/{0}$RANK; exit {1}' {0}; : > $DIR/up{0}$RANK; [ $RANK = 0 ] && "
                    "{{ until [ -e $DIR/up{0}1 ]; do :; done; kill -{0} $PPID; }}; while :; do :; done",
                    name, 128 + number), 2);
    options.max_restarts = 3;
    options.failure_grace = std::chrono::milliseconds(1);
    const SpawnResult result = spawn_workers(options);
    EXPECT_TRUE(result.stopped) << name;
    EXPECT_EQ(result.restarts, 0) << name;
    EXPECT_EQ(result.exit_code, 128 + number) << name;
    EXPECT_EQ(read(fmt::format("{}0", name)) + read(fmt::format("{}1", name)), "saved\nsaved\n");
  }
}

TEST_F(Spawner, WorkersDieWithTheLauncher) {
  // Orphans come to this process, so that it can see their end.
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  make_fifo("ready");
  make_fifo("never");
  const pid_t launcher = ::fork();
  if (launcher == 0) {
    spawn_workers(shell("echo $$ > $DIR/ready; read b < $DIR/never", 1));
    ::_exit(0);
  }
  const pid_t worker = std::stoi(read("ready"));
  ::kill(launcher, SIGKILL);
  ::waitpid(launcher, nullptr, 0);
  int status = 0;
  ASSERT_EQ(::waitpid(worker, &status, 0), worker);
  EXPECT_TRUE(WIFSIGNALED(status));
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_F(Spawner, BadOptionsAreConfigErrors) {
  SpawnOptions options = shell("true", 0);
  EXPECT_THROW(spawn_workers(options), ConfigError);
  options.workers = 1;
  options.command = {"/nonexistent/program"};
  EXPECT_THROW(spawn_workers(options), ConfigError);
  options = shell("true", 1);
  options.nodes = 2;
  EXPECT_THROW(spawn_workers(options), ConfigError);
  options = shell("true", 1);
  options.log_dir = "/proc/nowhere";
  EXPECT_THROW(spawn_workers(options), ResourceError);
}

}  // namespace
}  // namespace loongforge::launch
