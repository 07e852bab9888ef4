// SPDX-License-Identifier: Apache-2.0
// What all groups of a process share that meet in c10d's store. Included only by files that name c10d.
#pragma once
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>
#include <memory>
#include <string>

#include "loongforge/comm/group.h"
#include "loongforge/core/error.h"

namespace loongforge::comm {

struct ProcessContext {
  c10::intrusive_ptr<c10d::Store> store;  ///< of the generation
  std::chrono::milliseconds timeout;
  bool one_node = true;
  int world_rank = 0;
  std::string ledger_folder;

  /// Who caused a failure, by what aborting ranks left in the store, else by the ledgers of this node; "" if unknown.
  std::string culprit() const;
};

/// A gloo group of its own connections. Collective over its members.
std::shared_ptr<GroupImpl> make_gloo_group(std::shared_ptr<ProcessContext> context, const std::string& name,
                                           const std::string& prefix, int rank, int size);

/// Key of the store under which the first aborting rank says why.
inline constexpr const char* kAbortKey = "aborted";

/// Runs `body`, turning what c10d and gloo throw into a CommError that begins with `what` and names the culprit if known.
template <class F>
auto translated(const ProcessContext* context, const std::string& what, F&& body) {
  const auto fail = [&](std::string text) {
    // Below the first line stands a stack.
    text = text.substr(0, text.find('\n'));
    const std::string culprit = context ? context->culprit() : "";
    throw CommError(fmt::format("{}: {}", what, culprit.empty() ? text : culprit + " (" + text + ")"),
                    "another rank has ended or is stuck: look at its log; fault.timeout sets how long to wait");
  };
  try {
    return body();
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& error) {
    fail(error.what_without_backtrace());
    throw;
  } catch (const std::exception& error) {
    fail(error.what());
    throw;
  }
}

}  // namespace loongforge::comm
