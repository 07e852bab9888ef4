// SPDX-License-Identifier: Apache-2.0
// Golden files of tests/golden/optim.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace loongforge::golden {

inline std::string read_text(const std::string& name) {
  std::ifstream file(std::string(LF_SOURCE_DIR) + "/tests/golden/optim/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The F32 and F64 tensors of a safetensors file.
inline std::map<std::string, at::Tensor> read_tensors(const std::string& name) {
  const std::string bytes = read_text(name);
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  std::map<std::string, at::Tensor> tensors;
  const auto index = nlohmann::json::parse(bytes.substr(8, header));
  for (const auto& [key, info] : index.items()) {
    if (key == "__metadata__") continue;
    const std::string dtype = info["dtype"];
    if (dtype != "F32" && dtype != "F64") continue;
    at::Tensor tensor = at::empty(info["shape"].get<std::vector<int64_t>>(), dtype == "F64" ? at::kDouble : at::kFloat);
    std::memcpy(tensor.data_ptr(), bytes.data() + 8 + header + info["data_offsets"][0].get<size_t>(), tensor.nbytes());
    tensors[key] = tensor;
  }
  return tensors;
}

}  // namespace loongforge::golden
