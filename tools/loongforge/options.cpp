// SPDX-License-Identifier: Apache-2.0
#include "options.h"

namespace loongforge::tools {

namespace {

constexpr const char* kOverrides = "[key=value ...]";
constexpr const char* kDtypeHelp =
    "compute in float32, bfloat16, float64 (or fp32, bf16, fp64); default: the directory's";

}  // namespace

void declare_train(CLI::App& app, TrainOptions& options) {
  app.description(
      "Trains a model as one YAML file says, and leaves a Hugging Face directory. After the options, a.b=1 sets a key, "
      "group=name swaps a group of `defaults`, ~a.b resets a key to its default, +a.b=1 adds one to a map, ++a.b=1 "
      "sets or "
      "adds; `--a.b 1` works too. Started by torchrun, srun or mpirun it joins their ranks, else it starts its own. "
      "Hyphens of options may be underscores.");
  both(app, "config,config-name", options.config, "YAML file, or the name of one in configs/");
  both(app, "config-dir", options.config_dir, "folder of configurations to look in first");
  both(app, "nproc-per-node", options.nproc,
       "ranks on this node: a number, cpu (one a core), gpu (one a device), auto (gpu, or cpu without any)");
  both(app, "nnodes", options.nnodes, "number of nodes");
  both(app, "node-rank", options.node_rank, "number of this node");
  both(app, "master-addr", options.master_addr, "address of the first node");
  both(app, "master-port", options.master_port, "port of the first node; 0: a free one (one node)");
  both(app, "rdzv-endpoint", options.rdzv_endpoint, "HOST:PORT, the same as --master-addr and --master-port");
  both(app, "rdzv-backend", options.rdzv_backend, "static or c10d: nodes meet at the same address by either name");
  both(app, "rdzv-id", options.rdzv_id, "name of the job");
  both(app, "max-restarts", options.max_restarts, "times that all ranks are started anew after a failure");
  both(app, "log-dir", options.log_dir, "folder for each rank's stdout and stderr");
  both(app, "tee,t", options.tee, "with --log-dir, what is also shown: 0 nothing, 1 stdout, 2 stderr, 3 both");
  app.add_flag("--standalone", options.standalone, "one node, free port (the default)");
  app.add_flag("--print-config,--print_config", options.print_config, "print the complete configuration and stop");
  both(app, "cfg", options.cfg, "as Hydra's: `--cfg job` is --print-config");
  app.add_flag("--print-memory,--print_memory", options.print_memory,
               "print what parameters cost each rank, beside the memory that is there, and stop");
  both(app, "help-config", options.help_config,
       "print configuration fields with their defaults and stop: all, or those of one section")
      ->expected(0, 1)
      ->default_str("");
  app.allow_extras();
  set_usage(app, kOverrides,
            "loongforge train --config quickstart\n"
            "loongforge train --config run.yaml optim.lr=1e-4 train.steps=100\n"
            "loongforge train --nproc-per-node 2 --config run.yaml parallel.zero=1\n"
            "loongforge train --config quickstart --print-memory model=qwen3_8b\n"
            "loongforge train --help-config optim");
}

void declare_verify(CLI::App& app, VerifyOptions& options) {
  app.description(
      "Runs a configuration, made small, under its parallel layout (ranks as threads) and on one rank, in fp64 for "
      "three "
      "steps, and compares losses, every gradient, gradient norms and weights. Exit code 0: equal to 1e-10; 6: not.");
  both(app, "config,config-name", options.config, "YAML file, or the name of one in configs/")->required();
  both(app, "rows", options.rows, "rows of the table, worst first");
  app.allow_extras();
  set_usage(app, kOverrides,
            "loongforge verify --config quickstart parallel.tp=2\n"
            "loongforge verify --config quickstart parallel.tp=2 parallel.pp=2 parallel.dp=2 parallel.zero=1");
}

void declare_eval(CLI::App& app, EvalOptions& options) {
  app.description("Prints mean loss (over tokens) and perplexity of a model directory on a file.");
  both(app, "model", options.model, "model directory, or a name in the Hugging Face cache")->required();
  both(app, "data", options.data, ".txt, .jsonl (also .gz, .zst), .bin/.idx, or integer .npy (each row one sequence)")
      ->required();
  both(app, "dtype", options.dtype, kDtypeHelp);
  both(app, "seq-length", options.seq_length, "longest context; longer documents are cut")->check(CLI::PositiveNumber);
  both(app, "batch-size", options.batch_size, "sequences at a time")->check(CLI::PositiveNumber);
  both(app, "save-logits", options.save_logits, "safetensors file for `logits` [rows, vocabulary]");
  both(app, "save-grads", options.save_grads, "safetensors file for the gradients of the mean loss");
  both(app, "device", options.device, "cpu, cuda");
  set_usage(app, "",
            "loongforge eval --model runs/quickstart/step_00002600 --data my.txt\n"
            "loongforge eval --model DIR --data corpus/mine --dtype bf16 --seq-length 2048");
}

void declare_generate(CLI::App& app, GenerateOptions& options) {
  app.description("Continues a prompt with a model directory.");
  both(app, "model", options.model,
       "model directory (config.json, safetensors, a tokenizer), or a name in the Hugging Face cache")
      ->required();
  both(app, "prompt", options.prompt, "text to continue");
  both(app, "prompt-ids", options.prompt_ids, "ids to continue, 1,2,3; prints ids");
  both(app, "max-new-tokens", options.max_new_tokens, "length of the continuation")->check(CLI::NonNegativeNumber);
  both(app, "temperature", options.temperature, "0: greedy")->check(CLI::NonNegativeNumber);
  both(app, "top-k", options.top_k, "sample among the k likeliest; 0: all")->check(CLI::NonNegativeNumber);
  both(app, "top-p", options.top_p, "sample among the likeliest that hold this much probability")
      ->check(CLI::Range(0.0, 1.0));
  both(app, "seed", options.seed, "of the sampling");
  both(app, "dtype", options.dtype, kDtypeHelp);
  both(app, "device", options.device, "cpu, cuda");
  app.add_flag("--ignore-eos,--ignore_eos", options.ignore_eos, "don't stop at the end-of-text token");
  set_usage(app, "",
            "loongforge generate --model runs/quickstart/step_00002600 --prompt \"In the beginning\"\n"
            "loongforge generate --model DIR --prompt \"In the beginning\" --temperature 0.8 --top-p 0.95 --seed 3");
}

}  // namespace loongforge::tools
