// SPDX-License-Identifier: Apache-2.0
#include "train/saved_state.h"

#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "loongforge/core/json.h"

namespace loongforge::train {

namespace {

/// The values of one JSON object, with errors that name the file and the key.
class Fields {
 public:
  Fields(const Json& object, std::string file, std::string prefix = "")
      : object_(object), file_(std::move(file)), prefix_(std::move(prefix)) {}

  bool has(const char* key) const { return object_.is_object() && object_.contains(key); }

  const Json& at(const char* key) const {
    if (!has(key)) throw CheckpointError(fmt::format("{}: `{}{}` is missing", file_, prefix_, key), hint());
    return object_[key];
  }
  int64_t count(const char* key) const {
    const Json& value = at(key);
    if (!value.is_number_integer() || value < 0) malformed(key);
    return value.get<int64_t>();
  }
  template <class T>
  T get(const char* key) const {
    try {
      return at(key).get<T>();
    } catch (const nlohmann::json::exception&) {
      malformed(key);
    }
  }
  Fields within(const char* key) const { return {at(key), file_, prefix_ + key + "."}; }

 private:
  static std::string hint() { return "resume from another checkpoint, or start from its weights with model.path"; }
  [[noreturn]] void malformed(const char* key) const {
    throw CheckpointError(fmt::format("{}: `{}{}` can't be {}", file_, prefix_, key, object_[key].dump()), hint());
  }

  const Json& object_;
  std::string file_, prefix_;
};

}  // namespace

SavedState read_saved_state(const std::filesystem::path& checkpoint_folder) {
  const auto path = checkpoint_folder / "trainer.json";
  const Json json = read_json(path, FileRole::checkpoint);
  const Fields fields(json, path.string());
  SavedState state;
  state.step = fields.count("step");
  state.total_steps = fields.count("total_steps");
  state.consumed_samples = fields.count("consumed_samples");
  if (fields.has("global_batch_size")) state.global_batch_size = fields.count("global_batch_size");
  const Fields optimizer = fields.within("optimizer");
  state.counts = {optimizer.count("taken"), optimizer.count("skipped")};
  for (const auto& [name, dtype] : fields.get<std::map<std::string, std::string>>("disk_dtypes")) {
    if (const auto known = dtype_from_name(dtype)) state.dtypes[name] = *known;
  }
  state.copies = fields.get<std::set<std::string>>("copies");
  if (fields.has("resumed_from")) state.resumed_from = fields.get<std::string>("resumed_from");
  return state;
}

}  // namespace loongforge::train
