// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/failpoint.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge {
namespace {

enum class Action { kill, exit, raise, enospc };

struct Failpoint {
  std::string site;
  Action action;
  int visit;  // counts down to the visit that acts
};

std::mutex mutex;

// Reached from the initialiser of `failpoints_armed`, so not a global itself.
std::vector<Failpoint>& armed_list() {
  static std::vector<Failpoint> list;
  return list;
}

Failpoint parse_one(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Action>, 4> kActions = {
      {{"kill", Action::kill}, {"exit", Action::exit}, {"throw", Action::raise}, {"enospc", Action::enospc}}};
  size_t colon = text.rfind(':');
  if (colon != text.npos && colon > 0) {
    std::string_view action = text.substr(colon + 1);
    int visit = 1;
    bool good = true;
    if (size_t at = action.find('@'); at != action.npos) {
      auto [end, error] = std::from_chars(action.data() + at + 1, action.data() + action.size(), visit);
      good = error == std::errc{} && end == action.data() + action.size() && visit > 0;
      action = action.substr(0, at);
    }
    for (auto [name, value] : kActions) {
      if (good && name == action) return {std::string(text.substr(0, colon)), value, visit};
    }
  }
  throw ConfigError(fmt::format("LF_FAILPOINT: cannot read '{}'", text), "write site:kill|exit|throw|enospc[@visit]");
}

bool arm_from_environment() {
  const char* text = std::getenv("LF_FAILPOINT");
  if (!text || !*text) return false;
  try {
    for (std::string_view part : split(text, ',')) armed_list().push_back(parse_one(trim(part)));
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\nhint: %s\n", error.what(), error.hint().c_str());
    std::_Exit(static_cast<int>(error.code()));
  }
  return true;
}

void act(Action action, std::string_view site) {
  switch (action) {
    case Action::kill: ::kill(::getpid(), SIGKILL); return;
    case Action::exit: std::_Exit(1);
    case Action::raise: throw std::runtime_error(fmt::format("failpoint {}", site));
    case Action::enospc:
      throw ResourceError(fmt::format("no space left on device (failpoint {})", site), "free some space and resume");
  }
}

}  // namespace

namespace detail {

std::atomic<bool> failpoints_armed = arm_from_environment();

void failpoint_hit(std::string_view site) {
  std::unique_lock lock(mutex);
  for (Failpoint& point : armed_list()) {
    if (point.site != site || point.visit == 0 || --point.visit > 0) continue;
    Action action = point.action;
    lock.unlock();
    return act(action, site);
  }
}

}  // namespace detail

void arm_failpoints(std::string_view text) {
  std::vector<Failpoint> list;
  if (!text.empty()) {
    for (std::string_view part : split(text, ',')) list.push_back(parse_one(trim(part)));
  }
  std::lock_guard lock(mutex);
  armed_list() = std::move(list);
  detail::failpoints_armed = !armed_list().empty();
}

}  // namespace loongforge
