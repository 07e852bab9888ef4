// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/model_path.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <vector>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/core/text.h"

namespace loongforge::spec {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "models--";

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::vector<std::string> entries(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

struct HubName {
  std::string repository;  ///< "Qwen/Qwen3-0.6B"
  std::string revision = "main";
  std::string folder() const {
    std::string name(kPrefix);
    for (char c : repository) {
      if (c == '/') name += "--";
      else name += c;
    }
    return name;
  }
  std::string download() const {
    return fmt::format("hf download {}{}", repository, revision == "main" ? "" : " --revision " + revision);
  }
};

/// nullopt for what can only be meant as a path.
std::optional<HubName> hub_name(const std::string& text) {
  HubName name;
  const size_t at = text.find('@');
  name.repository = text.substr(0, at);
  if (at != std::string::npos) name.revision = text.substr(at + 1);
  const auto letter = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  };
  const auto parts = split(name.repository, '/');
  const bool words = std::all_of(parts.begin(), parts.end(), [&](std::string_view part) {
    return !part.empty() && part[0] != '.' && std::all_of(part.begin(), part.end(), letter);
  });
  if (!words || parts.size() > 2 || name.revision.empty() || name.revision.find("..") != std::string::npos)
    return std::nullopt;
  return name;
}

std::optional<std::string> first_word(const fs::path& path) {
  std::ifstream file(path);
  std::string word;
  return file >> word ? std::optional<std::string>(word) : std::nullopt;
}

/// Names in the cache, as the hub spells them.
std::vector<std::string> cached_names() {
  std::vector<std::string> names;
  for (const std::string& entry : entries(hub_cache())) {
    if (!entry.starts_with(kPrefix)) continue;
    const std::string_view name = std::string_view(entry).substr(kPrefix.size());
    const size_t dashes = name.find("--");
    names.push_back(dashes == name.npos ? std::string(name)
                                        : fmt::format("{}/{}", name.substr(0, dashes), name.substr(dashes + 2)));
  }
  return names;
}

std::optional<fs::path> snapshot(const HubName& name) {
  const fs::path repository = hub_cache() / name.folder();
  const std::string commit = first_word(repository / "refs" / name.revision).value_or(name.revision);
  if (is_folder(repository / "snapshots" / commit)) return repository / "snapshots" / commit;
  constexpr size_t kShortestCommit = 7;
  for (const std::string& entry : entries(repository / "snapshots")) {
    if (commit.size() >= kShortestCommit && entry.starts_with(commit)) return repository / "snapshots" / entry;
  }
  return std::nullopt;
}

/// Models are checkpoints, tokenizers are data.
[[noreturn]] void fail(FileRole role, const std::string& what, const std::string& hint) {
  if (role == FileRole::data) throw DataError(what, hint);
  throw CheckpointError(what, hint);
}

[[noreturn]] void not_cached(const HubName& name, const std::string& what, FileRole role) {
  const fs::path repository = hub_cache() / name.folder();
  if (is_folder(repository / "snapshots")) {
    const auto known = entries(repository / "refs");
    fail(role,
         fmt::format("{}: {} is in the Hugging Face cache, but not its revision {}", what, name.repository,
                     name.revision),
         fmt::format("{}{}", known.empty() ? "" : fmt::format("cached: {}; ", join_names(known)), name.download()));
  }
  const auto near = nearest(name.repository, cached_names());
  std::error_code ignored;
  const std::string here = fs::current_path(ignored).string();
  fail(role,
       fmt::format("{}: {} is neither a folder (seen from {}) nor in the Hugging Face cache ({})", what,
                   name.repository, here, hub_cache().string()),
       fmt::format("{}correct the path, or download it: {}",
                   near ? fmt::format("did you mean {}, which is there? Otherwise ", *near) : "", name.download()));
}

fs::path from_cache(const std::string& text, const std::string& what, const char* needed, FileRole role) {
  const auto name = hub_name(text);
  if (!name) {
    fail(role, fmt::format("{}: {} is not a directory", what, text),
         fmt::format("name a folder with {}, or a model of the Hugging Face cache as ORGANISATION/NAME", needed));
  }
  const auto folder = snapshot(*name);
  if (!folder) not_cached(*name, what, role);
  return *folder;
}

}  // namespace

fs::path hub_cache() {
  if (const auto cache = environment("HF_HUB_CACHE")) return *cache;
  if (const auto cache = environment("HUGGINGFACE_HUB_CACHE")) return *cache;
  if (const auto home = environment("HF_HOME")) return fs::path(*home) / "hub";
  const auto cache = environment("XDG_CACHE_HOME");
  return (cache ? fs::path(*cache) : fs::path(environment("HOME").value_or("")) / ".cache") / "huggingface" / "hub";
}

fs::path find_model(const std::string& model, const std::string& what) {
  if (is_folder(model)) return model;
  const fs::path folder = from_cache(model, what, "config.json and *.safetensors", FileRole::checkpoint);
  // A download that was stopped, or one of the tokenizer alone.
  if (!fs::exists(folder / "config.json")) {
    throw CheckpointError(fmt::format("{}: {} in the Hugging Face cache has no config.json", what, model),
                          fmt::format("its download is not complete: {}", hub_name(model)->download()));
  }
  return folder;
}

fs::path find_tokenizer(const std::string& tokenizer, const std::string& what) {
  std::error_code ignored;
  if (fs::exists(tokenizer, ignored) || !hub_name(tokenizer)) return tokenizer;
  const auto folder = snapshot(*hub_name(tokenizer));
  // Whoever reads the file says best what is wrong with a path.
  if (!folder && tokenizer.find('/') == std::string::npos) return tokenizer;
  return folder ? *folder : from_cache(tokenizer, what, "tokenizer.json", FileRole::data);
}

}  // namespace loongforge::spec
