// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string_view>
#include <utility>

#include "tokenizer/chat/runtime.h"

namespace loongforge::tokenizer::jinja {

/// Methods of Python's str. Names that aren't supported are there too and fail when called.
std::span<const std::pair<std::string_view, Function::Body>> string_methods();

}  // namespace loongforge::tokenizer::jinja
