// SPDX-License-Identifier: Apache-2.0
// Store: a small key-value board that all ranks of a run can read and write, outside any collective.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace loongforge::comm {

/// Thread-safe. Keys live as long as the run; put the generation into keys that a restart must not see.
class Store {
 public:
  virtual ~Store() = default;
  virtual void set(const std::string& key, const std::string& value) = 0;
  /// The value of `key`, waiting until it is there. Throws CommError after `timeout`.
  virtual std::string get(const std::string& key, std::chrono::milliseconds timeout) = 0;
  /// The value of `key` if it is there now.
  virtual std::optional<std::string> try_get(const std::string& key) = 0;
  /// Adds to the integer at `key` (0 if absent) and returns the sum.
  virtual int64_t add(const std::string& key, int64_t amount) = 0;
};

/// A store within this process.
std::shared_ptr<Store> make_memory_store();
/// The same store with `prefix` before every key.
std::shared_ptr<Store> with_prefix(std::shared_ptr<Store> store, std::string prefix);

}  // namespace loongforge::comm
