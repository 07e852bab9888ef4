// SPDX-License-Identifier: Apache-2.0
// Where processes meet: c10d's TCPStore, as our Store and under gloo.
#include "comm/gloo_world.h"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "comm/device_backend.h"
#include "comm/paired_group.h"
#include "loongforge/comm/ledger.h"

namespace loongforge::comm {
namespace {

std::string to_text(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

class C10dStore : public Store {
  template <class F>
  static auto call(const std::string& key, F&& body) {
    return translated(nullptr, fmt::format("key '{}' of the run's store", key), std::forward<F>(body));
  }

 public:
  explicit C10dStore(c10::intrusive_ptr<c10d::Store> store) : store_(std::move(store)) {}

  void set(const std::string& key, const std::string& value) override {
    call(key, [&] { store_->set(key, std::vector<uint8_t>(value.begin(), value.end())); });
  }
  std::string get(const std::string& key, std::chrono::milliseconds timeout) override {
    return call(key, [&] {
      store_->wait({key}, timeout);
      return to_text(store_->get(key));
    });
  }
  std::optional<std::string> try_get(const std::string& key) override {
    return call(key, [&]() -> std::optional<std::string> {
      if (!store_->check({key})) return std::nullopt;
      return to_text(store_->get(key));
    });
  }
  int64_t add(const std::string& key, int64_t amount) override {
    return call(key, [&] { return store_->add(key, amount); });
  }

 private:
  c10::intrusive_ptr<c10d::Store> store_;
};

}  // namespace

std::string ProcessContext::culprit() const {
  try {
    if (store->check({kAbortKey})) return to_text(store->get(kAbortKey));
  } catch (const std::exception&) {
    // The store went away with rank 0; the ledgers are still there.
  }
  const auto sentences = find_culprits(read_ledgers(ledger_folder));
  return sentences.empty() ? "" : sentences.front();
}

GlooWorld make_gloo_world(const launch::RankEnv& env, std::chrono::milliseconds timeout, const std::string& prefix,
                          const std::string& ledger_folder, const DeviceBackend* backend, at::Device device) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(env.master_port);
  options.isServer = env.rank == 0 && !env.agent_hosts_store;
  options.timeout = timeout;
  const std::string where = fmt::format("meeting the other ranks at {}:{}", env.master_addr, env.master_port);
  return translated(nullptr, where, [&] {
    auto tcp = c10::make_intrusive<c10d::TCPStore>(env.master_addr, options);
    auto context = std::make_shared<ProcessContext>();
    context->store = c10::make_intrusive<c10d::PrefixStore>(prefix, tcp);
    context->timeout = timeout;
    context->one_node = env.nodes == 1;
    context->world_rank = env.rank;
    context->ledger_folder = ledger_folder;
    auto own_connection = c10::make_intrusive<c10d::PrefixStore>(prefix + "user/", tcp->clone());
    auto group = make_gloo_group(context, "world", "world/", env.rank, env.world_size);
    if (backend) {
      auto on_device = backend->make(context, "world", "world/", env.rank, env.world_size, device);
      group = make_paired_group(std::move(on_device), std::move(group));
    }
    return GlooWorld{std::move(group), std::make_shared<C10dStore>(std::move(own_connection))};
  });
}

}  // namespace loongforge::comm
