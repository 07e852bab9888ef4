// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace loongforge::comm {

/// Notices operations that don't finish, for backends whose wait() leaves the host free: without it a lost peer would be
/// a hang at some later read of the device.
class WorkWatch {
 public:
  struct Entry {
    std::string what;            ///< "all_reduce of group tp"
    std::function<bool()> done;  ///< may throw what went wrong
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
  };
  /// `alarm(why)` is called on the watch's own thread, once, for the first operation that fails or is older than `timeout`;
  /// the watch then rests. It looks every `period`.
  WorkWatch(std::chrono::milliseconds timeout, std::chrono::milliseconds period,
            std::function<void(const std::string&)> alarm);
  ~WorkWatch();
  WorkWatch(const WorkWatch&) = delete;
  WorkWatch& operator=(const WorkWatch&) = delete;

  void add(std::string what, std::function<bool()> done);
  /// No alarm any more: what fails from here on has a cause that is known.
  void rest();

 private:
  void run();
  std::string look(std::deque<Entry>& entries) const;

  const std::chrono::milliseconds timeout_, period_;
  const std::function<void(const std::string&)> alarm_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> added_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace loongforge::comm
