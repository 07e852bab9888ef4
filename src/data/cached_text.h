// SPDX-License-Identifier: Apache-2.0
// Text and conversations, tokenized once into the cache folder under a name made of everything that the ids depend on.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "loongforge/data/builtin.h"

namespace loongforge::data {

/// Which part of the files is wanted: everything, or one side of the split by valid_fraction.
enum class Part { whole, train, valid };

/// Tokenizes `files` as documents unless the cache has them. Returns the prefix of the part.
std::string cached_documents(const BuiltinRequest& request, const std::vector<std::string>& files, Part part);
/// The same for conversations, rendered by the chat template.
std::string cached_conversations(const BuiltinRequest& request, const std::vector<std::string>& files, Part part);

}  // namespace loongforge::data
