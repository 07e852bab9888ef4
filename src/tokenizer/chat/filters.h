// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string_view>
#include <utility>

#include "tokenizer/chat/runtime.h"

namespace loongforge::tokenizer::jinja {

using FilterTable = std::span<const std::pair<std::string_view, Filter>>;

FilterTable text_filters();
FilterTable number_filters();
FilterTable sequence_filters();
FilterTable selection_filters();

}  // namespace loongforge::tokenizer::jinja
