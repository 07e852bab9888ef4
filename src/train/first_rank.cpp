// SPDX-License-Identifier: Apache-2.0
#include "loongforge/train/first_rank.h"

#include <future>

namespace loongforge::train {

namespace {
enum class Progress : int { busy, done, failed };

Progress exchange(const comm::Group& group, Progress mine) {
  return static_cast<Progress>(static_cast<int>(group.all_reduce_host({static_cast<double>(mine)})[0]));
}

}  // namespace

void first_rank_first(const comm::Group& group, std::chrono::milliseconds period, const std::function<void()>& body) {
  if (group.size() == 1) return body();
  if (group.rank() == 0) {
    auto work = std::async(std::launch::async, body);
    while (work.wait_for(period) != std::future_status::ready) exchange(group, Progress::busy);
    try {
      work.get();
    } catch (...) {
      exchange(group, Progress::failed);
      throw;
    }
    exchange(group, Progress::done);
    return;
  }
  Progress first = Progress::busy;
  while (first == Progress::busy) first = exchange(group, Progress::busy);
  // The first rank's failure ends this wait with its reason.
  if (first == Progress::failed) group.barrier();
  body();
}

}  // namespace loongforge::train
