// SPDX-License-Identifier: Apache-2.0
// torch::optim trains a weight whose gradients LoongForge's ranks reduce and whose values its files keep.
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <loongforge/ckpt/safetensors.h>
#include <loongforge/comm/thread_world.h>
#include <loongforge/config/run_config.h>
#include <loongforge/core/error.h>
#include <torch/optim/sgd.h>

#include <cstdio>

using namespace loongforge;

namespace {

/// Two ranks step on d(w·x)/dw = x, with x = 1 on rank 0 and 2 on rank 1: 0.5 × 3 is taken from each element of 4.
at::Tensor train() {
  at::Tensor result;
  comm::ThreadWorld world(2);
  world.run([&](comm::Group group) {
    at::Tensor weight = at::full({3}, 4.0).requires_grad_(true);
    torch::optim::SGD optimizer({weight}, torch::optim::SGDOptions(0.5));
    const at::Tensor loss = weight.mul(1.0 + group.rank()).sum();
    loss.backward();
    group.all_reduce(weight.mutable_grad()).wait();
    optimizer.step();
    if (group.rank() == 0) result = weight.detach();
  });
  return result;
}

bool keeps(const at::Tensor& weight, const char* path) {
  ckpt::write_safetensors(path, {{"weight", weight}});
  const ckpt::SafetensorsFile file(path);
  return at::equal(file.tensor(*file.find("weight")), weight);
}

bool throws_its_own_errors() {
  try {
    config::load_run_config("no_such_config", {});
  } catch (const ConfigError& error) {
    return std::string(error.what()).find("no_such_config") != std::string::npos && !error.hint().empty();
  }
  return false;
}

}  // namespace

int main() {
  const at::Tensor weight = train();
  const bool trained = at::equal(weight, at::full({3}, 2.5)), kept = keeps(weight, "weight.safetensors");
  const bool thrown = throws_its_own_errors();
  std::printf("trained %d kept %d thrown %d\n", trained, kept, thrown);
  return trained && kept && thrown ? 0 : 1;
}
