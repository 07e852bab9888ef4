// SPDX-License-Identifier: Apache-2.0
#include "ckpt/manifest.h"

#include <charconv>
#include <system_error>

#include "loongforge/core/error.h"
#include "loongforge/core/json.h"
#include "loongforge/core/log.h"

namespace loongforge::ckpt {
namespace fs = std::filesystem;
namespace {

constexpr const char* kFormat = "loongforge-checkpoint";
constexpr int64_t kVersion = 1;

Json id_to_json(const CheckpointId& id) { return {{"generation", id.generation}, {"step", id.step}}; }

CheckpointId id_from_json(const Json& json) { return {json.at("generation").get<int64_t>(), json.at("step").get<int64_t>()}; }

bool stays_inside(const fs::path& path) {
  if (path.empty() || path.is_absolute()) return false;
  for (const fs::path& part : path) {
    if (part == ".." || part == "." || part.empty()) return false;
  }
  return true;
}

std::optional<int64_t> take_number(std::string_view& text, size_t least_digits) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const size_t digits = static_cast<size_t>(end - text.data());
  if (error != std::errc{} || digits < least_digits || text.front() == '-') return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::string CheckpointId::name() const {
  return generation == 0 ? fmt::format("step_{:08}", step) : fmt::format("step_{:08}.g{}", step, generation);
}

std::optional<FolderName> parse_folder_name(std::string_view name) {
  FolderName result;
  std::string_view rest = name;
  if (!take(rest, "step_")) return std::nullopt;
  const auto step = take_number(rest, 8);
  if (!step) return std::nullopt;
  result.id.step = *step;
  if (take(rest, ".g")) {
    const auto generation = take_number(rest, 1);
    if (!generation) return std::nullopt;
    result.id.generation = *generation;
  }
  result.unfinished = take(rest, ".tmp");
  // "step_00000005.g0" and the like are not names that we give.
  if (!rest.empty() || result.id.name() + (result.unfinished ? ".tmp" : "") != name) return std::nullopt;
  return result;
}

Json manifest_to_json(const Manifest& manifest) {
  Json files = Json::array();
  for (const FileRecord& file : manifest.files) {
    files.push_back({{"name", file.name}, {"size", file.size}, {"checksum", file.checksum}});
  }
  return {{"format", kFormat},
          {"version", kVersion},
          {"generation", manifest.id.generation},
          {"step", manifest.id.step},
          {"parent", manifest.parent ? id_to_json(*manifest.parent) : Json()},
          {"world_size", manifest.world_size},
          {"config_hash", manifest.config_hash},
          {"files", std::move(files)}};
}

Manifest manifest_from_json(const Json& json, const std::string& origin) {
  Manifest manifest;
  try {
    if (json.at("format") != kFormat) throw CheckpointError(fmt::format("{}: not a checkpoint's manifest", origin));
    if (json.at("version").get<int64_t>() > kVersion) {
      throw CheckpointError(fmt::format("{}: version {} is newer than this program", origin, json.at("version").dump()),
                            "use the version of LoongForge that wrote it, or a later one");
    }
    manifest.id = id_from_json(json);
    if (!json.at("parent").is_null()) manifest.parent = id_from_json(json.at("parent"));
    manifest.world_size = json.at("world_size").get<int>();
    manifest.config_hash = json.at("config_hash").get<std::string>();
    for (const Json& file : json.at("files")) {
      manifest.files.push_back({file.at("name").get<std::string>(), file.at("size").get<uint64_t>(),
                                file.at("checksum").get<std::string>()});
      if (!stays_inside(manifest.files.back().name)) {
        throw CheckpointError(fmt::format("{}: file '{}' is outside the folder", origin, manifest.files.back().name));
      }
    }
  } catch (const nlohmann::json::exception& error) {
    throw CheckpointError(fmt::format("{}: not a valid manifest ({})", origin, error.what()));
  }
  return manifest;
}

Manifest read_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifestFile;
  return manifest_from_json(read_json(path, FileRole::checkpoint), path.string());
}

std::string wrong_size(const fs::path& folder, const Manifest& manifest) {
  for (const FileRecord& file : manifest.files) {
    std::error_code error;
    const uint64_t size = fs::file_size(folder / file.name, error);
    if (error) return fmt::format("{} is missing", (folder / file.name).string());
    if (size != file.size) {
      return fmt::format("{} has {} bytes, its manifest says {}", (folder / file.name).string(), size, file.size);
    }
  }
  return "";
}

std::string wrong_checksum(const fs::path& folder, const Manifest& manifest, size_t first, size_t stride) {
  for (size_t i = first; i < manifest.files.size(); i += stride) {
    const FileRecord& file = manifest.files[i];
    const MappedFile map(folder / file.name, FileRole::checkpoint);
    const std::string found = checksum_text(checksum(map.text()));
    if (found != file.checksum) {
      return fmt::format("{} has the checksum {}, its manifest says {}", (folder / file.name).string(), found, file.checksum);
    }
  }
  return "";
}

void rename_checkpoint(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (fs::exists(to)) {
    fs::path aside = to.string() + ".aside";
    for (int i = 2; fs::exists(aside); ++i) aside = fmt::format("{}.aside{}", to.string(), i);
    fs::rename(to, aside, error);
    if (error) throw_file_error(FileRole::checkpoint, "rename to", aside, error.value());
    log_warning("{} holds no whole checkpoint and was in the way: it is {} now", to.string(), aside.string());
  }
  fs::rename(from, to, error);
  if (error) throw_file_error(FileRole::checkpoint, "rename to", to, error.value());
}

void remove_checkpoint(const fs::path& folder) {
  std::error_code error;
  if (fs::remove(folder / kManifestFile, error)) fsync_dir(folder);
  fs::remove_all(folder, error);
}

}  // namespace loongforge::ckpt
