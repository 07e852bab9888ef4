// SPDX-License-Identifier: Apache-2.0
#include "comm/work_watch.h"

#include <fmt/format.h>

#include <exception>
#include <iterator>

namespace loongforge::comm {

WorkWatch::WorkWatch(std::chrono::milliseconds timeout, std::chrono::milliseconds period,
                     std::function<void(const std::string&)> alarm)
    : timeout_(timeout), period_(period), alarm_(std::move(alarm)), thread_([this] { run(); }) {}

WorkWatch::~WorkWatch() {
  rest();
  thread_.join();
}

void WorkWatch::rest() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
}

void WorkWatch::add(std::string what, std::function<bool()> done) {
  std::lock_guard lock(mutex_);
  added_.push_back({std::move(what), std::move(done)});
}

/// Drops what has finished; says what is wrong with the first that hasn't, if anything.
std::string WorkWatch::look(std::deque<Entry>& entries) const {
  const auto now = std::chrono::steady_clock::now();
  for (auto entry = entries.begin(); entry != entries.end();) {
    try {
      if (entry->done()) {
        entry = entries.erase(entry);
        continue;
      }
    } catch (const std::exception& error) {
      const std::string text = error.what();
      return fmt::format("{}: {}", entry->what, text.substr(0, text.find('\n')));
    }
    if (now - entry->since > timeout_) {
      return fmt::format("{} did not finish within {:g} s", entry->what,
                         std::chrono::duration<double>(timeout_).count());
    }
    ++entry;
  }
  return "";
}

void WorkWatch::run() {
  std::deque<Entry> entries;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, period_, [&] { return stop_; })) return;
      entries.insert(entries.end(), std::make_move_iterator(added_.begin()), std::make_move_iterator(added_.end()));
      added_.clear();
    }
    const std::string why = look(entries);
    if (why.empty()) continue;
    if (std::lock_guard lock(mutex_); stop_) return;
    alarm_(why);
    return;
  }
}

}  // namespace loongforge::comm
