// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ckpt/safetensors.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "ckpt/host_bytes.h"
#include "loongforge/core/error.h"
#include "loongforge/platform/dtype.h"
#include "temp_dir.h"

namespace loongforge::ckpt {
namespace {

using ::testing::HasSubstr;
using testing::TempDir;

std::string file_of(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data_bytes, '\1');
}

TEST(Safetensors, RoundTripsEveryElementType) {
  TempDir dir;
  std::map<std::string, at::Tensor> tensors;
  for (Dtype dtype : {Dtype::f64, Dtype::f32, Dtype::bf16, Dtype::f16, Dtype::f8_e4m3, Dtype::f8_e5m2, Dtype::i64,
                      Dtype::i32, Dtype::i16, Dtype::i8, Dtype::u8, Dtype::boolean}) {
    tensors[std::string(dtype_name(dtype))] = at::arange(6).view({2, 3}).to(platform::to_torch(dtype));
  }
  tensors["scalar"] = at::full({}, 2.5);
  tensors["none"] = at::empty({0, 7});
  tensors["strided"] = at::arange(12).view({3, 4}).t();
  const FileRecord record = write_safetensors(dir / "a.safetensors", tensors);
  const std::string bytes = testing::read_bytes(dir / "a.safetensors");
  EXPECT_EQ(record, (FileRecord{"a.safetensors", bytes.size(), checksum_text(checksum(bytes))}));
  const SafetensorsFile file(dir / "a.safetensors");
  EXPECT_EQ(file.metadata().at("format"), "pt");
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    ASSERT_NE(file.find(name), nullptr) << name;
    EXPECT_TRUE(same_bits(file.tensor(*file.find(name)), tensor)) << name;
  }
  EXPECT_EQ(file.find("absent"), nullptr);
}

TEST(Safetensors, OrdersBySizeThenNameAndPadsTheHeader) {
  TempDir dir;
  write_safetensors(dir / "a", {{"b", at::full({2}, 1, at::kFloat)},
                                {"a", at::full({3}, 1, at::kHalf)},
                                {"c", at::full({1}, 1, at::kDouble)},
                                {"aa", at::full({5}, 1, at::kByte)},
                                {"A", at::full({1}, 1, at::kFloat)}});
  const std::string bytes = testing::read_bytes(dir / "a");
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  std::string names;
  const SafetensorsFile file(dir / "a");
  for (const TensorInfo& info : file.tensors()) names += info.name + " ";
  EXPECT_EQ(names, "c A b a aa ");
  EXPECT_THAT(bytes.substr(8), ::testing::StartsWith(R"({"__metadata__":{"format":"pt"},"c":{"dtype":"F64",)"));
}

TEST(Safetensors, ReadsUnalignedTensorsAndOddOrders) {
  TempDir dir;
  // 9 data bytes: a bool, then two floats at offset 1; the header isn't padded either.
  std::string header = R"({"y":{"dtype":"F32","shape":[2],"data_offsets":[1,9]},"x":{"dtype":"BOOL","shape":[],"data_offsets":[0,1]}})";
  std::string bytes = file_of(header, 1);
  const float values[] = {1.5f, -2.f};
  bytes.append(reinterpret_cast<const char*>(values), 8);
  testing::write_bytes(dir / "a", bytes);
  const SafetensorsFile file(dir / "a");
  EXPECT_EQ(file.tensors().front().name, "x");
  const at::Tensor y = file.tensor(*file.find("y"));
  EXPECT_EQ(std::memcmp(host_bytes(y).bytes.data(), values, 8), 0);
}

TEST(Safetensors, TensorsOutliveTheFileObject) {
  TempDir dir;
  write_safetensors(dir / "a", {{"x", at::arange(1000)}});
  at::Tensor x;
  {
    const SafetensorsFile file(dir / "a");
    x = file.tensor(*file.find("x"));
  }
  std::filesystem::remove(dir / "a");
  EXPECT_TRUE(same_bits(x, at::arange(1000)));
}

TEST(Safetensors, AnEmptyFileOfTensorsIsFine) {
  TempDir dir;
  write_safetensors(dir / "a", {});
  EXPECT_TRUE(SafetensorsFile(dir / "a").tensors().empty());
}

struct Malformed {
  const char* what;
  std::string bytes;
  const char* message;
};

std::string one(const std::string& entry, size_t data_bytes = 8) { return file_of("{\"x\":" + entry + "}", data_bytes); }

const std::vector<Malformed>& malformed() {
  static const std::string good = R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  static const std::vector<Malformed> list = {
      {"empty file", "", "too short"},
      {"shorter than the length field", std::string(7, '\0'), "too short"},
      {"header over the limit", std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10), "over the limit"},
      {"header longer than the file", file_of("{}", 0).substr(0, 9), "does not fit"},
      {"zero header", std::string(8, '\0'), "start with '{'"},
      {"header not starting with a brace", file_of(" {}", 0), "start with '{'"},
      {"an array", file_of("[]", 0), "start with '{'"},
      {"cut JSON", file_of(R"({"x":{"dtype":"F32")", 0), "not valid JSON"},
      {"text after the JSON", file_of("{} x", 0), "not valid JSON"},
      {"invalid UTF-8", file_of("{\"\xff\":1}", 0), "not valid JSON"},
      {"NUL padding", file_of(std::string("{}\0\0", 4), 0), "not valid JSON"},
      {"duplicate name", file_of("{\"x\":" + good + ",\"x\":" + good + "}", 8), "\"x\" is there twice"},
      {"duplicate key in an entry", one(R"({"dtype":"F32","dtype":"I32","shape":[2],"data_offsets":[0,8]})"), "twice"},
      {"entry is a number", one("3"), "not described"},
      {"entry is null", one("null"), "not described"},
      {"no dtype", one(R"({"shape":[2],"data_offsets":[0,8]})"), "no dtype"},
      {"dtype is a number", one(R"({"dtype":4,"shape":[2],"data_offsets":[0,8]})"), "no dtype"},
      {"unknown dtype", one(R"({"dtype":"F31","shape":[2],"data_offsets":[0,8]})"), "unknown dtype \"F31\""},
      {"no shape", one(R"({"dtype":"F32","data_offsets":[0,8]})"), "no shape"},
      {"shape is a number", one(R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})"), "no shape"},
      {"negative extent", one(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"), "impossible extent -2"},
      {"fractional extent", one(R"({"dtype":"F32","shape":[2.5],"data_offsets":[0,8]})"), "impossible extent"},
      {"extent beyond int64", one(R"({"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8]})"), "impossible"},
      {"overflowing shape", one(R"({"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]})"), "too large"},
      {"no offsets", one(R"({"dtype":"F32","shape":[2]})"), "no data_offsets"},
      {"one offset", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})"), "no data_offsets"},
      {"three offsets", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8,8]})"), "no data_offsets"},
      {"negative offset", one(R"({"dtype":"F32","shape":[2],"data_offsets":[-8,0]})"), "no data_offsets"},
      {"text offsets", one(R"({"dtype":"F32","shape":[2],"data_offsets":["0","8"]})"), "no data_offsets"},
      {"reversed offsets", one(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"), "needs 8 bytes"},
      {"range smaller than the shape", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})"), "needs 8 bytes"},
      {"range larger than the shape", one(R"({"dtype":"F16","shape":[2],"data_offsets":[0,8]})"), "needs 4 bytes"},
      {"truncated data", one(good, 7), "which has only 7"},
      {"bytes left over", one(good, 9), "1 bytes at its end"},
      {"gap at the start", one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})"), "4 bytes before"},
      {"gap in the middle",
       file_of(R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}})", 5),
       "1 bytes before tensor \"y\""},
      {"overlap",
       file_of(R"({"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"y":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6),
       "tensor \"y\" overlaps"},
      {"the same range twice",
       file_of(R"({"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"y":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4),
       "tensor \"y\" overlaps"},
      {"metadata is a list", file_of(R"({"__metadata__":[]})", 0), "__metadata__"},
      {"metadata holds a number", file_of(R"({"__metadata__":{"format":1}})", 0), "not a string"},
      {"name with a line end", file_of("{\"a\\nb\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8), "\"a\\nb\" of F32"},
  };
  return list;
}

TEST(Safetensors, RefusesEveryMalformedFile) {
  TempDir dir;
  ASSERT_GE(malformed().size(), 25u);
  for (const Malformed& bad : malformed()) {
    testing::write_bytes(dir / "bad.safetensors", bad.bytes);
    try {
      const SafetensorsFile file(dir / "bad.safetensors");
      ADD_FAILURE() << bad.what << " was accepted";
    } catch (const CheckpointError& error) {
      EXPECT_THAT(error.what(), HasSubstr(bad.message)) << bad.what;
      EXPECT_THAT(error.what(), HasSubstr("bad.safetensors")) << bad.what;
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << bad.what;
    }
  }
}

TEST(Safetensors, EveryTruncationIsNoticed) {
  TempDir dir;
  write_safetensors(dir / "a", {{"x", at::arange(3)}, {"y", at::full({2}, 1, at::kHalf)}});
  const std::string bytes = testing::read_bytes(dir / "a");
  for (size_t size = 0; size < bytes.size(); ++size) {
    testing::write_bytes(dir / "b", bytes.substr(0, size));
    EXPECT_THROW(SafetensorsFile(dir / "b"), CheckpointError) << size;
  }
}

TEST(Safetensors, MissingAndUnwritableFilesAreNamed) {
  TempDir dir;
  EXPECT_THROW(SafetensorsFile(dir / "none"), CheckpointError);
  EXPECT_THROW(write_safetensors(dir / "none/a", {{"x", at::arange(3)}}), CheckpointError);
  EXPECT_THROW(write_safetensors("/dev/full", {{"x", at::arange(3)}}), ResourceError);
}

}  // namespace
}  // namespace loongforge::ckpt
