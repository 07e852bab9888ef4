// SPDX-License-Identifier: Apache-2.0
// Where a model is: a folder, or a name of the Hugging Face hub in this machine's cache. Nothing is downloaded.
#pragma once
#include <filesystem>
#include <string>

namespace loongforge::spec {

/// The folder of `model`: the folder itself, or for "Qwen/Qwen3-0.6B" (also "…@revision") its snapshot in the cache at
/// $HF_HUB_CACHE, $HF_HOME/hub, or $XDG_CACHE_HOME/huggingface/hub (~/.cache). Revision: a branch or tag (refs/), or a
/// commit or the beginning of one; default `main`. Throws CheckpointError naming `what` ("model.path") with how to get
/// the model and the nearest name that is cached.
std::filesystem::path find_model(const std::string& model, const std::string& what);

/// The same for a tokenizer: a file or a folder, or a name in the cache; throws DataError.
std::filesystem::path find_tokenizer(const std::string& tokenizer, const std::string& what);

/// The folder that hub names are looked up in.
std::filesystem::path hub_cache();

}  // namespace loongforge::spec
