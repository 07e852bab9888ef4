// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "loongforge/ckpt/safetensors.h"

namespace loongforge::ckpt {

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  // in the order of their bytes
  std::map<std::string, std::string> metadata;
  uint64_t data_start = 0;
};

/// Parses and validates the header of a whole file's bytes. Throws CheckpointError naming `file`.
SafetensorsHeader parse_safetensors_header(std::string_view file_bytes, const std::string& file);

/// The header's length field, JSON and padding for tensors in file order.
std::string make_safetensors_header(const std::vector<TensorInfo>& tensors,
                                    const std::map<std::string, std::string>& metadata);

}  // namespace loongforge::ckpt
