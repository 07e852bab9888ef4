// SPDX-License-Identifier: Apache-2.0
// Conversations with masks, weights and ragged ranks: the normalised loss over the global batch, its gradients and the
// weights after two steps are those of one rank with one big microbatch, in fp64 to 1e-10.
#include <gtest/gtest.h>

#include "loongforge/config/run_config.h"
#include "loongforge/verify/verify.h"
#include "support/temp_folder.h"

namespace loongforge::verify {
namespace {

class SftRanks : public test::TempFolder {
 protected:
  config::RunConfig make(const std::string& name, const std::vector<std::string>& more) const {
    config::LoadOptions options;
    options.overrides = {"model.config.num_hidden_layers=2",
                         "model.config.hidden_size=32",
                         "model.config.head_dim=8",
                         "model.config.intermediate_size=48",
                         "data.kind=sft",
                         "data.train=[" + at("a.jsonl") + "]",
                         "data.valid=[]",
                         "data.tokenizer=" LF_SOURCE_DIR "/examples/quickstart",
                         "data.seq_length=96",
                         "data.pack_buffer=4",
                         "run.output_dir=" + at(name),
                         "run.resume=never",
                         "train.steps=2",
                         "optim.lr=1e-3",
                         "optim.warmup_steps=0",
                         "checkpoint.save_last=false",
                         "train.eval_at_end=false"};
    options.overrides.insert(options.overrides.end(), more.begin(), more.end());
    auto config = config::load_run_config(LF_SOURCE_DIR "/configs/quickstart.yaml", options);
    config.precision.dtype = Dtype::f64;
    return config;
  }
  void SetUp() override {
    TempFolder::SetUp();
    std::string lines;
    for (int i = 0; i < 40; ++i) {
      const std::string question(static_cast<size_t>(i * 13 % 50 + 1), 'q'),
          answer(static_cast<size_t>(i * 29 % 70 + 1), 'a');
      lines +=
          fmt::format(R"({{"messages": [{{"role": "user", "content": "{}"}}, {{"role": "assistant", "content": "{}",
          "weight": {}}}, {{"role": "user", "content": "more"}}, {{"role": "assistant", "content": "b"}}], "weight": {}}})",
                      question, answer, i % 4 == 0 ? 0 : 1, i % 3 == 0 ? 0.25 : 1.5);
      std::replace(lines.begin(), lines.end(), '\n', ' ');
      all_ += lines + "\n";
      lines.clear();
    }
    write("a.jsonl", all_);
  }
  std::string all_;
};

TEST_F(SftRanks, AccumulationAndRaggedRanksEqualOneBigBatch) {
  const auto registry = train::Registry::builtin();
  for (const char* packing : {"data.packing=true", "data.packing=false"}) {
    auto big = make("big", {packing, "train.micro_batch_size=7", "train.global_batch_size=7"});
    const Trace expected = run_trace(big, registry, 1);
    ASSERT_EQ(expected.losses.size(), 2u);
    for (int ranks : {1, 2, 3}) {
      // 7 samples in microbatches of 2: ranks have different numbers of them, the last is half empty.
      auto config = make("ranks", {packing, "train.micro_batch_size=2", "train.global_batch_size=0"});
      config.train.global_batch_size = 7;
      const auto differences = compare(run_trace(config, registry, ranks), expected);
      ASSERT_GT(differences.size(), 20u);
      EXPECT_LE(differences.front().relative, 1e-10)
          << packing << ", " << ranks << " ranks: " << differences.front().what;
      EXPECT_EQ(run_trace(config, registry, ranks).losses.size(), 2u);
    }
  }
}

}  // namespace
}  // namespace loongforge::verify
