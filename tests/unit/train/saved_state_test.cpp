// SPDX-License-Identifier: Apache-2.0
#include "train/saved_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "loongforge/core/json.h"
#include "support/temp_folder.h"

namespace loongforge::train {
namespace {

const Json& whole() {
  static const Json json = {{"step", 5},        {"total_steps", 9},
                            {"consumed_samples", 40}, {"global_batch_size", 8},
                            {"optimizer", {{"name", "adamw"}, {"taken", 4}, {"skipped", 1}}},
                            {"disk_dtypes", {{"a.weight", "bfloat16"}}},
                            {"copies", {"lm_head.weight"}}, {"resumed_from", "/there"}};
  return json;
}

class SavedStateTest : public test::TempFolder {
 protected:
  std::string error_of(const Json& json) const {
    write_json(at("trainer.json"), json);
    try {
      read_saved_state(folder_);
    } catch (const CheckpointError& error) {
      EXPECT_FALSE(error.hint().empty());
      return error.what();
    }
    return "";
  }
};

TEST_F(SavedStateTest, ReadsEveryField) {
  EXPECT_EQ(error_of(whole()), "");
  const SavedState state = read_saved_state(folder_);
  EXPECT_EQ(state.step, 5);
  EXPECT_EQ(state.total_steps, 9);
  EXPECT_EQ(state.consumed_samples, 40);
  EXPECT_EQ(state.global_batch_size, 8);
  EXPECT_EQ(state.counts.taken, 4);
  EXPECT_EQ(state.counts.skipped, 1);
  EXPECT_EQ(state.dtypes.at("a.weight"), Dtype::bf16);
  EXPECT_EQ(state.copies, std::set<std::string>{"lm_head.weight"});
  EXPECT_EQ(state.resumed_from, "/there");
}

TEST_F(SavedStateTest, NamesTheFileAndTheKeyThatIsWrong) {
  for (const char* key : {"step", "total_steps", "consumed_samples", "optimizer", "disk_dtypes", "copies"}) {
    for (const Json& wrong : {Json(), Json("x"), Json(-1)}) {
      Json json = whole();
      if (wrong.is_null()) {
        json.erase(key);
      } else {
        json[key] = wrong;
      }
      EXPECT_THAT(error_of(json), ::testing::AllOf(::testing::HasSubstr("trainer.json"), ::testing::HasSubstr(key)));
    }
  }
  Json json = whole();
  json["optimizer"].erase("taken");
  EXPECT_THAT(error_of(json), ::testing::HasSubstr("optimizer.taken"));
  EXPECT_THAT(error_of(Json::array()), ::testing::HasSubstr("step"));
}

}  // namespace
}  // namespace loongforge::train
