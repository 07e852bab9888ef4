// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/dispatch.h"

#include <gmock/gmock.h>

#include <string>

#include "loongforge/core/error.h"

namespace loongforge::cpu {
namespace {

TEST(Dispatch, BestFirstAndPortableAlways) {
  const auto tables = usable_tables();
  ASSERT_FALSE(tables.empty());
  EXPECT_STREQ(tables.back()->isa, "portable");
  for (size_t i = 1; i < tables.size(); ++i) EXPECT_GE(tables[i - 1]->vector_width, tables[i]->vector_width);
  EXPECT_EQ(&choose_table(""), tables.front());
}

TEST(Dispatch, EveryUsableSetCanBeNamed) {
  for (const KernelTable* table : usable_tables()) EXPECT_EQ(&choose_table(table->isa), table);
}

TEST(Dispatch, UnknownSetNamesTheValidOnes) {
  for (const char* wanted : {"avx1024", "AVX2", " ", "portable "}) {
    try {
      choose_table(wanted);
      FAIL() << wanted << " was accepted";
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(wanted));
      EXPECT_THAT(error.hint(), ::testing::HasSubstr("portable"));
    }
  }
}

}  // namespace
}  // namespace loongforge::cpu
