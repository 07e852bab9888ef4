// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/run_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "unit/config/support.h"

namespace loongforge::config {
namespace {
using testing::HasSubstr;

RunConfig from(const std::string& text, std::vector<std::string> overrides = {}, std::optional<int64_t> world = {}) {
  LoadOptions options;
  options.overrides = std::move(overrides);
  options.world_size = world;
  return run_config_from(parse_yaml("model: {path: /m}\n" + text, "f.yaml"), "test", options);
}

TEST(RunConfigTest, DefaultsAreThoseOfTheStructs) {
  RunConfig c = from("");
  EXPECT_EQ(c.run.name, "test");
  EXPECT_EQ(c.run.output_dir, "runs/test");
  EXPECT_EQ(c.train.micro_batch_size, 1);
  EXPECT_EQ(c.train.steps, std::nullopt);
  EXPECT_EQ(c.parallel.dp, std::nullopt);
  EXPECT_EQ(c.precision.master_dtype(), Dtype::f32);
  EXPECT_EQ(c.model.lora, std::nullopt);
  EXPECT_EQ(c.model.path, "/m");
  EXPECT_TRUE(c.warnings.empty());
}

TEST(RunConfigTest, TrainingInFloat16IsRefused) {
  const std::string half = "precision: {dtype: fp16}\n";
  EXPECT_THAT(config_error([&] { from(half); }), HasSubstr("bfloat16"));
  EXPECT_EQ(from(half + "train: {steps: 0}\n").precision.dtype, Dtype::f16);
  EXPECT_EQ(from("checkpoint: {dtype: fp16}\n").checkpoint.dtype, Dtype::f16);
}

TEST(RunConfigTest, ReadsEveryKindOfField) {
  RunConfig c = from(
      "run: {name: 2024, seed: 7}\n"
      "train: {steps: 1e3, global_batch_size: 8}\n"
      "optim: {lr: 1e-4, betas: [0.9, 0.98], schedule: wsd, wsd_decay: sqrt}\n"
      "data: {train: one.txt, valid: [a.txt, b.txt], kind: jsonl, shuffle: false}\n"
      "precision: {dtype: fp64}\nparallel: {dp: 2, bucket_bytes: 4MiB}\n"
      "checkpoint: {dtype: bf16, max_shard_size: 5GB}\nlog: {format: megatron}\nplugins: {mine: {a: [1]}}\n",
      {"model.lora.rank=4"});
  EXPECT_EQ(c.run.name, "2024");
  EXPECT_EQ(c.run.output_dir, "runs/2024");
  EXPECT_EQ(c.train.steps, 1000);
  EXPECT_DOUBLE_EQ(c.optim.lr, 1e-4);
  EXPECT_DOUBLE_EQ(c.optim.betas[1], 0.98);
  EXPECT_EQ(c.optim.schedule, Schedule::wsd);
  EXPECT_EQ(c.optim.wsd_decay, WsdDecay::sqrt);
  EXPECT_EQ(c.data.train, std::vector<std::string>{"one.txt"});
  EXPECT_EQ(c.data.valid.size(), 2u);
  EXPECT_EQ(c.precision.dtype, Dtype::f64);
  EXPECT_EQ(c.precision.grad_dtype(), Dtype::f64);
  EXPECT_EQ(c.parallel.dp, 2);
  EXPECT_EQ(c.parallel.bucket_bytes.bytes, 4u << 20);
  EXPECT_EQ(c.checkpoint.max_shard_size.bytes, 5'000'000'000u);
  EXPECT_EQ(c.checkpoint.dtype, Dtype::bf16);
  EXPECT_EQ(c.log.format, LogFormat::megatron);
  EXPECT_EQ(c.model.lora->rank, 4);
  EXPECT_EQ(to_json(c.plugins).dump(), R"({"mine":{"a":[1]}})");
}

TEST(RunConfigTest, AllProblemsComeTogetherInTheOrderOfLines) {
  std::string text = config_error([] {
    from("train:\n  setps: 5\n  micro_batch_size: 0\n  eval_every: often\n"
         "optim:\n  schedule: cosin\n  betas: [0.9]\n  lr: ???\n"
         "traine: {}\nparallel: {zero: 4}\ndata: 5\n",
         {"log.format=fancy"});
  });
  std::vector<std::string> expected = {
      "10 problems in the configuration\n",
      "f.yaml:3:3: unknown key train.setps; did you mean train.steps?\n",
      "f.yaml:4:21: train.micro_batch_size must be an integer ≥ 1, not an integer 0\n",
      "f.yaml:5:15: train.eval_every must be an integer ≥ 0, not a string \"often\"\n",
      "f.yaml:7:13: optim.schedule can't be `cosin` (did you mean cosine?); valid: constant, linear, cosine, "
      "inverse_sqrt, wsd\n",
      "f.yaml:8:10: optim.betas must be list of 2 × a number in [0, 0.9999999], not a list\n",
      "f.yaml:9:7: optim.lr must be set (a number ≥ 0): it is `???`\n",
      "f.yaml:10:1: unknown key traine; did you mean train?\n",
      "f.yaml:11:18: parallel.zero must be an integer in [0, 3], not an integer 4\n",
      "f.yaml:12:7: data must be a section with keys",
      "command line `log.format=fancy`: log.format can't be `fancy`",
  };
  size_t at = 0;
  for (const std::string& line : expected) {
    size_t found = text.find(line);
    ASSERT_NE(found, std::string::npos) << line << "\nnot in\n" << text;
    EXPECT_GE(found, at) << "out of order: " << line;
    at = found;
  }
}

TEST(RunConfigTest, KeysOfOtherProgramsAndSectionsAreTranslated) {
  std::string text = config_error([] {
    from("per_device_train_batch_size: 4\nlearning_rate: 1e-4\ntrain: {lr: 1, tensor-model-parallel-size: 2}\n"
         "seq_length: 5\n", {"model.hidden_size=64", "~trian.steps"});
  });
  EXPECT_THAT(text, HasSubstr("`per_device_train_batch_size` is `train.micro_batch_size` here"));
  EXPECT_THAT(text, HasSubstr("`learning_rate` is `optim.lr` here"));
  EXPECT_THAT(text, HasSubstr("unknown key train.lr; `lr` is `optim.lr` here"));
  EXPECT_THAT(text, HasSubstr("`tensor_model_parallel_size` is `parallel.tp` here"));
  EXPECT_THAT(text, HasSubstr("`seq_length` is `data.seq_length` here"));
  EXPECT_THAT(text, HasSubstr("unknown key model.hidden_size; `hidden_size` is `model.config.hidden_size` here"));
  EXPECT_THAT(text, HasSubstr("command line `~trian.steps`: unknown key trian.steps"));
}

TEST(RunConfigTest, OldNamesWarn) {
  RunConfig c = from("train: {max_steps: 12}\n");
  EXPECT_EQ(c.train.steps, 12);
  EXPECT_THAT(c.warnings, testing::ElementsAre("f.yaml:2:20: max_steps is called train.steps now"));
}

TEST(RunConfigTest, AFreeFormConfigKeepsItsKeysAndItsHoles) {
  RunConfig c = from("", {"+model.config.hidden_size=64", "++model.config.rope.theta=1e6"});
  EXPECT_EQ(to_json(c.model.config).dump(), R"({"hidden_size":64,"rope":{"theta":1000000.0}})");
  EXPECT_THAT(config_error([] { from("", {"model.config.hidden_size=64"}); }),
              HasSubstr("write +model.config.hidden_size"));
  EXPECT_THAT(config_error([] { from("plugins:\n  a:\n    b: [1, \"???\"]\n    c:\n    - ???\n"); }),
              HasSubstr("f.yaml:6:7: plugins.a.c[0] must be set"));
}

TEST(RunConfigTest, ATildeGoesBackToTheDefault) {
  EXPECT_EQ(from("train: {micro_batch_size: 9}\n", {"~train.micro_batch_size"}).train.micro_batch_size, 1);
}

TEST(RunConfigTest, CombinationsAreChecked) {
  struct Case {
    std::string text, expected;
    std::optional<int64_t> world;
  };
  for (const Case& c :
       std::vector<Case>{{"train: {global_batch_size: 10, micro_batch_size: 4}",
                          "must be a multiple of train.micro_batch_size 4",
                          {}},
                         {"train: {global_batch_size: 8, micro_batch_size: 4}\nparallel: {dp: 3}", "4 × dp 3 = 12", {}},
                         {"train: {global_batch_size: 8, micro_batch_size: 4}", "4 × dp 4 = 16", 4},
                         {"parallel: {tp: 2, pp: 2}", "6 ranks don't fit tp 2 × pp 2 × cp 1 × dp auto", 6},
                         {"parallel: {dp: 3}", "4 ranks don't fit", 4},
                         {"parallel: {sequence_parallel: true}", "needs parallel.tp > 1", {}},
                         {"parallel: {vpp: 2}", "needs parallel.pp > 1", {}},
                         {"parallel: {ep: 3}", "ep 3 × etp 1 must divide", 4},
                         {"optim: {lr: 1e-5, min_lr: 1e-4}", "is above optim.lr", {}},
                         {"optim: {warmup_steps: 20}\ntrain: {steps: 10}", "longer than the schedule", {}},
                         {"data: {kind: txt}", "data.kind can't be `txt` (did you mean text?)", {}},
                         {"model: {path: ''}", "f.yaml:1", {}},
                         {"run: {resume: nevr}", "did you mean never?", {}},
                         {"run: {resume: ''}", "must be auto, never or a folder", {}},
                         {"platform: {device: gpu}", "platform.device can't be `gpu`", {}}}) {
    std::string found = config_error([&] {
      LoadOptions options;
      options.world_size = c.world;
      std::string head = c.text.starts_with("model") ? "" : "model: {path: /m}\n";
      run_config_from(parse_yaml(head + c.text, "f.yaml"), "t", options);
    });
    EXPECT_THAT(found, HasSubstr(c.expected));
    EXPECT_THAT(found, HasSubstr("f.yaml:")) << "the place is missing";
  }
  EXPECT_EQ(from("data: {kind: mine}\nrun: {plugins: [libmine.so]}\n").data.kind, "mine");
}

TEST(RunConfigTest, NewerVersionsAreRefused) {
  EXPECT_THAT(config_error([] { from("config_version: 2\nwhat: 1\n"); }),
              testing::StartsWith("f.yaml:2:17: config_version 2 is newer"));
}

TEST(RunConfigTest, TheDumpIsCompleteAndReadsBack) {
  RunConfig c = from("optim: {lr: 3e-4}\n",
                     {"run.output_dir=${env:LF_NO_SUCH_VARIABLE,out}/x", "model.freeze=[\"*.norm*\"]"});
  EXPECT_EQ(c.run.output_dir, "out/x");
  std::string text = dump_yaml(c), saved = dump_yaml(c, false);
  EXPECT_THAT(text, HasSubstr("output_dir: out/x\n"));
  EXPECT_THAT(saved, HasSubstr("output_dir: \"${env:LF_NO_SUCH_VARIABLE,out}/x\"\n"));
  EXPECT_THAT(text, HasSubstr("lr: 3e-4\n"));
  for (const std::string& one : {text, saved}) {
    RunConfig again = run_config_from(parse_yaml(one, "saved"), "other");
    EXPECT_EQ(dump_yaml(again), text);
  }
  for (const FieldInfo& field : describe_fields()) {
    if (field.path.starts_with("model.lora.")) continue;
    EXPECT_NE(c.tree.at_path(field.path), nullptr) << field.path;
  }
}

TEST(RunConfigTest, EveryFieldIsDescribed) {
  auto fields = describe_fields();
  auto find = [&](const std::string& path) {
    return std::find_if(fields.begin(), fields.end(), [&](const FieldInfo& f) { return f.path == path; });
  };
  ASSERT_NE(find("train.micro_batch_size"), fields.end());
  EXPECT_EQ(find("train.micro_batch_size")->type, "an integer ≥ 1");
  EXPECT_EQ(find("train.micro_batch_size")->default_value, "1");
  EXPECT_EQ(find("optim.schedule")->default_value, "cosine");
  EXPECT_EQ(find("model.lora.rank")->default_value, "8");
  for (const FieldInfo& field : fields) EXPECT_FALSE(field.doc.empty()) << field.path;
}

TEST(RunConfigTest, ResumeSeesWhatWouldMakeItAnotherRun) {
  Value a = from("optim: {lr: 1e-4}\n").tree;
  EXPECT_TRUE(differing_keys(a, from("optim: {lr: 0.0001}\nlog: {every: 5}\nrun: {output_dir: /x}\n").tree).empty());
  EXPECT_THAT(differing_keys(a, from("optim: {lr: 2e-4}\ndata: {seq_length: 3}\n", {"+model.config.x=1"}).tree),
              testing::UnorderedElementsAre("optim.lr", "data.seq_length", "model.config.x"));
  EXPECT_THAT(differing_keys(a, from("optim: {lr: 1e-4}\ntrain: {steps: 9}\nrun: {allow_changes: [x]}\n").tree),
              testing::ElementsAre("train.steps"));
  Value env = from("", {"data.train=${env:LF_NO_SUCH_VARIABLE,x}/y", "data.text_key=$${z}"}).tree;
  EXPECT_TRUE(differing_keys(parse_yaml(dump_yaml(env, false), "saved"), env).empty());
  Value older = a;
  older.find("data")->erase("prefetch");
  older.find("optim")->erase("eps");
  EXPECT_TRUE(differing_keys(older, a).empty());
}

class LoadFromFiles : public ConfigFolder {};

TEST_F(LoadFromFiles, PathOverridesAndShippedModels) {
  std::string file = write("my_run.yaml", "defaults: [{model: qwen3_debug}]\ntrain: {steps: 3}\n");
  LoadOptions options;
  options.overrides = {"model.config.hidden_size=32", "--train.micro_batch_size", "2"};
  RunConfig c = load_run_config(file, options);
  EXPECT_EQ(c.config_name, "my_run");
  EXPECT_EQ(c.run.output_dir, "runs/my_run");
  EXPECT_EQ(c.model.config.find("model_type")->as_string(), "qwen3");
  EXPECT_EQ(c.model.config.find("hidden_size")->as_int(), 32);
  EXPECT_EQ(c.train.micro_batch_size, 2);
  options.overrides = {"model=llama_debug"};
  EXPECT_EQ(load_run_config(file, options).model.config.find("model_type")->as_string(), "llama");
  options.overrides = {"model.config.hiden_size=32"};
  EXPECT_THAT(config_error([&] { load_run_config(file, options); }), HasSubstr("did you mean hidden_size?"));
  EXPECT_THAT(config_error([&] { load_run_config((folder_ / "none").string()); }),
              HasSubstr("there is no configuration"));
}

}  // namespace
}  // namespace loongforge::config
