// SPDX-License-Identifier: Apache-2.0
#include "unit/config/support.h"

namespace loongforge::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RunConfig from(const std::string& data) {
  return run_config_from(parse_yaml("model: {config: {hidden_size: 8}}\ndata: " + data + "\n", "f.yaml"), "f");
}

TEST(DataSection, ReadsBlends) {
  const RunConfig c = from(
      "{train: [a, b], weights: [1, 0.5]}");
  EXPECT_THAT(c.data.weights, ElementsAre(1.0, 0.5));
  const RunConfig again = run_config_from(parse_yaml(dump_yaml(c), "dump"), "f");
  EXPECT_EQ(again.data.weights, c.data.weights);
  EXPECT_THAT(from("{train: [a], weights: 2}").data.weights, ElementsAre(2.0));
}

TEST(DataSection, WrongCombinationsAreNamed) {
  const auto problem = [](const std::string& data) { return config_error([&] { from(data); }); };
  EXPECT_THAT(problem("{train: [a, b], weights: [1]}"), HasSubstr("data.weights has 1 numbers for the 2 entries"));
  EXPECT_THAT(problem("{train: [a], weights: [0]}"), HasSubstr("data.weights must be"));
  EXPECT_THAT(problem("{train: [a], weights: [x]}"), HasSubstr("data.weights must be"));
}

}  // namespace
}  // namespace loongforge::config
