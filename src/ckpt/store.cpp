// SPDX-License-Identifier: Apache-2.0
// Which checkpoints there are, which one wins, and which go.
#include "loongforge/ckpt/store.h"

#include <algorithm>
#include <system_error>

#include "ckpt/descriptors.h"
#include "ckpt/manifest.h"
#include "ckpt/save_session.h"
#include "loongforge/core/error.h"
#include "loongforge/core/failpoint.h"
#include "loongforge/core/json.h"
#include "loongforge/core/log.h"

namespace loongforge::ckpt {
namespace fs = std::filesystem;
namespace {

struct Found {
  fs::path folder;
  FolderName name;
};

// Folders with a checkpoint's name, oldest first.
std::vector<Found> scan(const fs::path& root) {
  std::vector<Found> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(root, error)) {
    const auto name = parse_folder_name(entry.path().filename().string());
    if (name && entry.is_directory() && !entry.is_symlink()) found.push_back({entry.path(), *name});
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return std::tie(a.name.id, a.name.unfinished) < std::tie(b.name.id, b.name.unfinished);
  });
  return found;
}

// A manifest that fits its folder and its files' sizes; otherwise `problem` says why not.
std::optional<Checkpoint> examine(const Found& found, std::string& problem) {
  try {
    Checkpoint checkpoint{found.folder, read_manifest(found.folder)};
    problem = checkpoint.id() == found.name.id ? wrong_size(found.folder, checkpoint.manifest)
                                               : fmt::format("{} holds {}", found.folder.string(), checkpoint.id().name());
    if (problem.empty()) return checkpoint;
  } catch (const CheckpointError& error) {
    problem = error.what();
  }
  return std::nullopt;
}

// After a crash: finishes renames, and removes saves that were never committed. A folder with a final name but no
// manifest may be one that somebody is still copying here: it stays, and doesn't count.
void tidy(const fs::path& root) {
  for (const Found& found : scan(root)) {
    if (!found.name.unfinished) continue;
    std::string problem;
    if (!examine(found, problem)) {
      log_info("removing the incomplete checkpoint {}", found.folder.string());
      remove_checkpoint(found.folder);
      continue;
    }
    const fs::path target = root / found.name.id.name();
    if (fs::exists(target / kManifestFile)) {
      remove_checkpoint(found.folder);
      continue;
    }
    rename_checkpoint(found.folder, target);
    fsync_dir(root);
  }
}

void retire(const fs::path& root, const StoreOptions& options, const CheckpointId& newest,
            const std::optional<CheckpointId>& parent) {
  if (options.keep_last < 1) return;
  std::vector<Found> found = scan(root);
  std::erase_if(found, [](const Found& f) { return f.name.unfinished || !fs::exists(f.folder / kManifestFile); });
  const size_t keep = static_cast<size_t>(options.keep_last);
  for (size_t i = 0; i + keep < found.size(); ++i) {
    const CheckpointId& id = found[i].name.id;
    // Files of the parent may still be in use (mapped, or copied along into later checkpoints).
    if (id == newest || id == parent) continue;
    if (options.keep_every > 0 && id.step % options.keep_every == 0) continue;
    try {
      fs::path gone = found[i].folder;
      std::error_code error;
      // Under this name the next start finishes a removal that a crash cuts short.
      if (options.use_rename) fs::rename(found[i].folder, gone = found[i].folder.string() + ".tmp", error);
      remove_checkpoint(error ? found[i].folder : gone);
    } catch (const Error& error) {
      log_warning("{}", error.what());
    }
  }
}

Json to_json(const std::vector<Checkpoint>& checkpoints) {
  Json list = Json::array();
  for (const Checkpoint& c : checkpoints) list.push_back({c.folder.string(), manifest_to_json(c.manifest)});
  return list;
}

// The first problem that any rank finds in its share of the files; "" when there is none. Collective.
std::string checksum_problem(const Checkpoint& checkpoint, const comm::Group& group) {
  std::string mine;
  together(group, [&] {
    mine = wrong_checksum(checkpoint.folder, checkpoint.manifest, static_cast<size_t>(group.rank()),
                          static_cast<size_t>(group.size()));
  });
  for (const std::string& problem : group.all_gather_bytes(mine)) {
    if (!problem.empty()) return problem;
  }
  return "";
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path root, comm::Group group, StoreOptions options)
    : root_(std::move(root)), group_(std::move(group)), options_(options) {}

Selection CheckpointStore::newest(bool verify_checksums) {
  Json state = {{"good", Json::array()}, {"damaged", Json::array()}};
  together(group_, [&] {
    if (group_.rank() != 0) return;
    if (!options_.read_only) tidy(root_);
    std::vector<Found> found = scan(root_);
    for (auto next = found.rbegin(); next != found.rend(); ++next) {
      std::string problem;
      const auto checkpoint = examine(*next, problem);
      if (checkpoint) state["good"].push_back(to_json({*checkpoint})[0]);
      else state["damaged"].push_back({next->name.id.name(), problem});
      if (checkpoint && !verify_checksums) break;
    }
  });
  state = Json::parse(from_first(group_, state.dump()));
  Selection selection;
  for (const Json& line : state["damaged"]) selection.damaged.push_back(line[1].get<std::string>());
  for (const Json& good : state["good"]) {
    Checkpoint checkpoint{good[0].get<std::string>(), manifest_from_json(good[1], good[0])};
    const std::string problem = verify_checksums ? checksum_problem(checkpoint, group_) : "";
    if (problem.empty()) {
      selection.checkpoint = std::move(checkpoint);
      break;
    }
    selection.damaged.push_back(problem);
  }
  return selection;
}

Checkpoint CheckpointStore::open(const fs::path& folder, bool verify_checksums) {
  std::string text;
  together(group_, [&] {
    if (group_.rank() != 0) return;
    const Manifest manifest = read_manifest(folder);
    const std::string problem = wrong_size(folder, manifest);
    if (!problem.empty()) throw CheckpointError(problem, "resume from another checkpoint");
    text = manifest_to_json(manifest).dump();
  });
  Checkpoint checkpoint{folder, manifest_from_json(Json::parse(from_first(group_, text)), folder.string())};
  const std::string problem = verify_checksums ? checksum_problem(checkpoint, group_) : "";
  if (!problem.empty()) throw CheckpointError(problem, "resume from another checkpoint");
  return checkpoint;
}

void CheckpointStore::continue_from(const std::optional<Checkpoint>& parent) {
  std::string text;
  together(group_, [&] {
    if (group_.rank() != 0) return;
    const std::vector<Found> found = scan(root_);
    std::error_code ignored;
    const bool ours = parent && fs::equivalent(parent->folder, root_ / parent->id().name(), ignored);
    int64_t generation = 0;
    if (!found.empty()) {
      const CheckpointId last = found.back().name.id;
      generation = ours && parent->id() == last ? last.generation : last.generation + 1;
    }
    text = Json{{"generation", generation}, {"ours", ours}}.dump();
  });
  const Json agreed = Json::parse(from_first(group_, text));
  generation_ = agreed["generation"];
  parent_ = agreed["ours"].get<bool>() ? std::optional(parent->id()) : std::nullopt;
}

bool CheckpointStore::committed(int64_t step) {
  const fs::path folder = root_ / CheckpointId{generation_, step}.name();
  const bool there = group_.rank() == 0 && fs::exists(folder / kManifestFile);
  return from_first(group_, there ? "1" : "0") == "1";
}

Save CheckpointStore::begin(int64_t step, std::string config_hash) {
  const CheckpointId id{generation_, step};
  if (committed(step)) {
    throw CheckpointError(fmt::format("{} is committed already", (root_ / id.name()).string()));
  }
  auto impl = std::make_unique<Save::Impl>();
  impl->root = root_;
  impl->final_folder = root_ / id.name();
  impl->folder = options_.use_rename ? root_ / (id.name() + ".tmp") : impl->final_folder;
  impl->group = group_;
  impl->manifest = {id, parent_, group_.size(), std::move(config_hash), {}};
  impl->retire = [root = root_, options = options_, id, parent = parent_] { retire(root, options, id, parent); };
  together(group_, [&] {
    if (group_.rank() != 0) return;
    make_folders(root_);
    remove_checkpoint(impl->folder);
    make_folders(impl->folder);
    failpoint("ckpt.begin");
  });
  return Save(std::move(impl));
}

std::vector<Checkpoint> CheckpointStore::list() const {
  std::vector<Checkpoint> checkpoints;
  for (const Found& found : scan(root_)) {
    std::string problem;
    if (auto checkpoint = examine(found, problem)) checkpoints.push_back(std::move(*checkpoint));
  }
  return checkpoints;
}

}  // namespace loongforge::ckpt
