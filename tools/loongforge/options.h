// SPDX-License-Identifier: Apache-2.0
// The options of the commands that compute: declared once, read by loongforge (help, completion, errors in
// milliseconds) and by loongforge-worker, which runs them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cli.h"

namespace loongforge::tools {

struct TrainOptions {
  std::string config, config_dir, cfg, help_config;
  std::string nproc = "1", nnodes = "1", master_addr = "127.0.0.1", log_dir, tee, redirects;
  std::string rdzv_backend, rdzv_endpoint, rdzv_id = "none", rdzv_conf;
  int node_rank = 0, master_port = 0, max_restarts = 0;
  bool print_config = false, print_memory = false, standalone = false;
};
void declare_train(CLI::App& app, TrainOptions& options);

struct VerifyOptions {
  std::string config;
  int64_t rows = 8;
};
void declare_verify(CLI::App& app, VerifyOptions& options);

struct EvalOptions {
  std::string model, data, dtype, save_logits, save_grads, device = "cpu";
  int64_t seq_length = 1024, batch_size = 8;
};
void declare_eval(CLI::App& app, EvalOptions& options);

struct GenerateOptions {
  std::string model, prompt, prompt_ids, dtype, device = "cpu";
  int64_t max_new_tokens = 64, top_k = 0;
  double temperature = 0, top_p = 1.0;
  uint64_t seed = 0;
  bool ignore_eos = false;
};
void declare_generate(CLI::App& app, GenerateOptions& options);

}  // namespace loongforge::tools
