// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <string>

#include "loongforge/nn/block.h"

namespace loongforge::models {

/// The families that come with the library, by model_type.
std::map<std::string, nn::ModelFactory, std::less<>> builtin_factories();

}  // namespace loongforge::models
