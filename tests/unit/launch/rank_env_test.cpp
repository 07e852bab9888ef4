// SPDX-License-Identifier: Apache-2.0
#include "loongforge/launch/rank_env.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loongforge/core/error.h"

namespace loongforge::launch {
namespace {

using Variables = std::map<std::string, std::string>;

RankEnv read(Variables variables) {
  return RankEnv::from_environment([variables = std::move(variables)](const std::string& name) {
    const auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional<std::string>(it->second);
  });
}

TEST(RankEnv, LoneProcess) {
  const RankEnv env = read({{"SLURM_JOB_ID", "77"}});
  EXPECT_EQ(env.world_size, 1);
  EXPECT_EQ(env.source, "none");
}

TEST(RankEnv, TorchrunRoundTrip) {
  RankEnv env;
  env.rank = 5;
  env.world_size = 8;
  env.local_rank = 1;
  env.local_world_size = 4;
  env.node_rank = 1;
  env.nodes = 2;
  env.master_addr = "head";
  env.master_port = 1234;
  env.run_id = "job";
  env.restart_count = 2;
  env.max_restarts = 3;
  env.agent_hosts_store = true;
  const RankEnv back = read(env.to_variables());
  EXPECT_EQ(back.to_variables(), env.to_variables());
  EXPECT_EQ(back.source, "torchrun");
}

TEST(RankEnv, Slurm) {
  const RankEnv env = read({{"SLURM_STEP_ID", "0"},
                            {"SLURM_JOB_ID", "41000"},
                            {"SLURM_PROCID", "3"},
                            {"SLURM_NTASKS", "4"},
                            {"SLURM_LOCALID", "1"},
                            {"SLURM_NODEID", "1"},
                            {"SLURM_NNODES", "2"},
                            {"SLURM_STEP_NODELIST", "gpu[07-08]"}});
  EXPECT_EQ(env.rank, 3);
  EXPECT_EQ(env.local_world_size, 2);
  EXPECT_EQ(env.master_addr, "gpu07");
  EXPECT_EQ(env.master_port, 21000);
}

TEST(RankEnv, OpenMpiWithGivenMaster) {
  const RankEnv env = read({{"OMPI_COMM_WORLD_SIZE", "4"},
                            {"OMPI_COMM_WORLD_RANK", "2"},
                            {"OMPI_COMM_WORLD_LOCAL_RANK", "2"},
                            {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
                            {"MASTER_PORT", "777"}});
  EXPECT_EQ(env.local_rank, 2);
  EXPECT_EQ(env.nodes, 1);
  EXPECT_EQ(env.master_port, 777);
}

TEST(RankEnv, BadValuesAreErrorsThatNameTheVariable) {
  const auto message = [](Variables variables) -> std::string {
    try {
      read(std::move(variables));
    } catch (const ConfigError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_THAT(message({{"RANK", "x"}, {"WORLD_SIZE", "2"}}), ::testing::HasSubstr("RANK='x'"));
  EXPECT_THAT(message({{"RANK", "0"}}), ::testing::HasSubstr("WORLD_SIZE"));
  EXPECT_THAT(message({{"RANK", "2"}, {"WORLD_SIZE", "2"}}), ::testing::HasSubstr("rank 2 of 2"));
  EXPECT_THAT(message({{"RANK", "0"}, {"WORLD_SIZE", "4"}, {"LOCAL_RANK", "0"}, {"LOCAL_WORLD_SIZE", "2"}}),
              ::testing::HasSubstr("MASTER_ADDR"));
}

TEST(RankEnv, FirstSlurmHost) {
  EXPECT_EQ(first_slurm_host("solo"), "solo");
  EXPECT_EQ(first_slurm_host("a1,b2"), "a1");
  EXPECT_EQ(first_slurm_host("node[03-05,7]"), "node03");
  EXPECT_EQ(first_slurm_host("rack[2]-io,other"), "rack2-io");
}

}  // namespace
}  // namespace loongforge::launch
