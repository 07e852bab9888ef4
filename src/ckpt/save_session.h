// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>

#include "loongforge/ckpt/store.h"

namespace loongforge::ckpt {

struct Save::Impl {
  std::filesystem::path root, folder, final_folder;
  comm::Group group;
  Manifest manifest;
  std::function<void()> retire;  ///< drops old checkpoints; called on the first rank once this one stands
  bool marked = false;           ///< its manifest is on disk

  ~Impl();
  void mark();
  void publish();
};

/// The first rank's text on every rank. Collective.
inline std::string from_first(const comm::Group& group, const std::string& text) {
  return group.all_gather_bytes(group.rank() == 0 ? text : std::string())[0];
}

}  // namespace loongforge::ckpt
