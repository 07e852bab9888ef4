// SPDX-License-Identifier: Apache-2.0
// One save: files into a folder that counts only once its manifest is there.
#include <set>
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

FileRecord finish(FileWriter& writer, const std::string& name) {
  writer.finish();
  return {name, writer.size(), checksum_text(writer.digest())};
}

void sync_folders(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_directory()) fsync_dir(entry.path());
  }
  fsync_dir(folder);
}

// For people only; a file system without links goes without.
void point_latest(const fs::path& root, const std::string& name) {
  std::error_code error;
  const fs::path link = root / "LATEST", fresh = root / ".LATEST.tmp";
  fs::remove(fresh, error);
  fs::create_directory_symlink(name, fresh, error);
  if (!error) fs::rename(fresh, link, error);
  if (error) log_warning("cannot make the link {}: {}", link.string(), error.message());
}

}  // namespace

Save::Impl::~Impl() {
  std::error_code ignored;
  if (!marked && group.rank() == 0) fs::remove_all(folder, ignored);
}

// The manifest comes last of all files: from its sync on the checkpoint exists, under whichever of its two names.
void Save::Impl::mark() {
  sync_folders(folder);
  failpoint("ckpt.before_manifest");
  write_json(folder / kManifestFile, manifest_to_json(manifest), FileRole::checkpoint);
  marked = true;
}

void Save::Impl::publish() {
  failpoint("ckpt.before_rename");
  if (folder != final_folder) {
    rename_checkpoint(folder, final_folder);
    folder = final_folder;
  }
  fsync_dir(root);
  failpoint("ckpt.after_rename");
  point_latest(root, manifest.id.name());
}

Save::Save(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Save::~Save() = default;
Save::Save(Save&&) noexcept = default;

const fs::path& Save::folder() const { return impl_->folder; }

void Save::tensors(const std::string& stem, ParamList params, std::span<const comm::PlacedBox> sources,
                   const SaveOptions& options) {
  for (FileRecord& record : save_published(impl_->folder, stem, params, sources, impl_->group, options)) {
    impl_->manifest.files.push_back(std::move(record));
  }
}

void Save::json(const std::string& name, const Json& value) {
  together(impl_->group, [&] {
    if (impl_->group.rank() != 0) return;
    FileWriter writer(impl_->folder / name);
    writer.write(value.dump(2) + "\n");
    impl_->manifest.files.push_back(finish(writer, name));
  });
}

void Save::copy(const fs::path& file) {
  together(impl_->group, [&] {
    if (impl_->group.rank() != 0) return;
    const std::string name = file.filename().string();
    const MappedFile source(file, FileRole::checkpoint);
    FileWriter writer(impl_->folder / name);
    writer.write(source.text());
    impl_->manifest.files.push_back(finish(writer, name));
  });
}

Checkpoint Save::commit() {
  Impl& save = *impl_;
  LF_ASSERT(!save.marked, "{} is committed", save.folder.string());
  std::string text;
  together(save.group, [&] {
    if (save.group.rank() != 0) return;
    std::set<std::string> names;
    for (const FileRecord& file : save.manifest.files) LF_ASSERT(names.insert(file.name).second, "{} twice", file.name);
    save.mark();
    save.publish();
    save.retire();
    text = manifest_to_json(save.manifest).dump();
  });
  text = from_first(save.group, text);
  save.marked = true;
  return {save.final_folder, manifest_from_json(Json::parse(text), save.final_folder.string())};
}

}  // namespace loongforge::ckpt
