// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/dtype.h"

#include <gtest/gtest.h>

#include <utility>

namespace loongforge {
namespace {

TEST(Dtype, EverySpellingReadsBack) {
  for (int i = 0; i <= static_cast<int>(Dtype::boolean); ++i) {
    auto dtype = static_cast<Dtype>(i);
    EXPECT_EQ(dtype_from_safetensors(safetensors_name(dtype)), dtype) << i;
    EXPECT_EQ(dtype_from_name(dtype_name(dtype)), dtype) << i;
    EXPECT_EQ(dtype_from_name("torch." + std::string(dtype_name(dtype))), dtype) << i;
  }
}

TEST(Dtype, ReadsTheShortNames) {
  EXPECT_EQ(dtype_from_name("bf16"), Dtype::bf16);
  EXPECT_EQ(dtype_from_name("fp32"), Dtype::f32);
  EXPECT_EQ(dtype_from_name("torch.bfloat16"), Dtype::bf16);
  EXPECT_EQ(dtype_from_name("float8_e4m3fn"), Dtype::f8_e4m3);
  EXPECT_EQ(dtype_from_name(""), std::nullopt);
  EXPECT_EQ(dtype_from_name("torch."), std::nullopt);
  EXPECT_EQ(dtype_from_name("BF16"), std::nullopt);
  EXPECT_EQ(dtype_from_safetensors("bf16"), std::nullopt);
}

TEST(Dtype, SizesAndAccumulation) {
  EXPECT_EQ(dtype_size(Dtype::f64), 8u);
  EXPECT_EQ(dtype_size(Dtype::bf16), 2u);
  EXPECT_EQ(dtype_size(Dtype::f8_e5m2), 1u);
  EXPECT_EQ(dtype_size(Dtype::i64), 8u);
  EXPECT_EQ(dtype_size(Dtype::boolean), 1u);
  EXPECT_EQ(acc(Dtype::bf16), Dtype::f32);
  EXPECT_EQ(acc(Dtype::f64), Dtype::f64);
  EXPECT_FALSE(is_floating(Dtype::i64));
  EXPECT_TRUE(is_floating(Dtype::f8_e5m2));
}

}  // namespace
}  // namespace loongforge
