// SPDX-License-Identifier: Apache-2.0
// The schema against a validator that isn't ours, and against our own reader: both must say the same of every value.
#include "loongforge/config/json_schema.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "config/sections.h"
#include "unit/config/support.h"

namespace loongforge::config {
namespace {

using Plain = nlohmann::json;

/// Draft 7 takes 1000.0 for an integer; Valijson still goes by the spelling.
void spell_integers(Plain& json) {
  if (json.is_number_float() && json.get<double>() == std::floor(json.get<double>())) json = json.get<int64_t>();
  if (json.is_structured()) std::for_each(json.begin(), json.end(), spell_integers);
}

Plain plain(const Json& json) {
  Plain copy = Plain::parse(json.dump());
  spell_integers(copy);
  return copy;
}

class Validator {
 public:
  explicit Validator(const Json& schema) {
    const Plain document = plain(schema);
    valijson::SchemaParser parser;
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(document), schema_);
  }
  /// "" when valid, else the first complaint.
  std::string complaint(const Value& value) {
    const Plain document = plain(to_json(value));
    valijson::ValidationResults results;
    valijson::adapters::NlohmannJsonAdapter target(document);
    if (valijson::Validator().validate(schema_, target, &results)) return "";
    valijson::ValidationResults::Error error;
    results.popError(error);
    return "invalid: " + error.description;
  }

 private:
  valijson::Schema schema_;
};

bool reads(const std::string& text) {
  try {
    run_config_from(parse_yaml("model: {path: /m}\n" + text, "f.yaml"), "t");
    return true;
  } catch (const ConfigError&) {
    return false;
  }
}

TEST(JsonSchema, EveryShippedRunIsValid) {
  Validator validator(json_schema());
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(LF_SOURCE_DIR "/configs")) {
    if (entry.path().extension() != ".yaml") continue;
    EXPECT_EQ(validator.complaint(read_yaml(entry.path().string())), "") << entry.path();
    ++count;
  }
  EXPECT_GT(count, 0);
}

TEST(JsonSchema, EveryShippedModelIsValidForItsSection) {
  Validator validator(json_schema("model"));
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(LF_SOURCE_DIR "/configs/model")) {
    EXPECT_EQ(validator.complaint(read_yaml(entry.path().string())), "") << entry.path();
    ++count;
  }
  EXPECT_GT(count, 10);
}

TEST(JsonSchema, ACompleteConfigurationIsValid) {
  Validator validator(json_schema());
  const RunConfig config = run_config_from(parse_yaml("model: {path: /m, lora: {rank: 2}}", "f.yaml"), "t");
  EXPECT_EQ(validator.complaint(config.tree), "");
}

TEST(JsonSchema, SaysWhatTheReaderSays) {
  Validator validator(json_schema());
  for (const char* text : {"train: {steps: 5}",
                           "train: {steps: auto}",
                           "train: {steps: null}",
                           "train: {steps: 1e3}",
                           "train: {steps: -1}",
                           "train: {steps: 1.5}",
                           "train: {steps: many}",
                           "train: {epochs: 0}",
                           "train: {epochs: 0.5}",
                           "train: {setps: 5}",
                           "train: {max_steps: 5}",
                           "train: []",
                           "train:",
                           "data: {train: a.txt}",
                           "data: {train: [a, b]}",
                           "data: {train: {a: 1}}",
                           "data: {train: [[a]]}",
                           "data: {shuffle: yes}",
                           "data: {shuffle: true}",
                           "data: {valid_fraction: 0.6}",
                           "optim: {betas: [0.9, 0.95]}",
                           "optim: {betas: [0.9]}",
                           "optim: {betas: [0.9, 1]}",
                           "optim: {schedule: cosine}",
                           "optim: {schedule: cosin}",
                           "optim: adamw",
                           "precision: {dtype: bf16}",
                           "precision: {dtype: bfloat16}",
                           "precision: {dtype: int8}",
                           "precision: {grad: auto}",
                           "parallel: {zero: 4}",
                           "parallel: {zero_stage: 3}",
                           "parallel: {bucket_bytes: 25MiB}",
                           "parallel: {bucket_bytes: 25 MiB}",
                           "parallel: {bucket_bytes: 25 parsecs}",
                           "parallel: {bucket_bytes: 0}",
                           "parallel: {dp: auto}",
                           "platform: {device: tpu}",
                           "plugins: {mine: {a: [1]}}",
                           "plugins: 5",
                           "run: {name: 2024}",
                           "run: {name: true}",
                           "nothing: 1",
                           "config_version: 1",
                           "config_version: one",
                           "memory: {check: warn}",
                           "memory: {check: maybe}"}) {
    const Value value = parse_yaml(text, "f.yaml");
    EXPECT_EQ(validator.complaint(value).empty(), reads(text)) << text << ": " << validator.complaint(value);
  }
}

TEST(JsonSchema, TakesWhatComposingAndInterpolationAllow) {
  Validator validator(json_schema());
  for (const char* text :
       {"defaults: [_self_, {model: qwen3_0_6b}, {optional cluster: mine}, base]",
        "train: {steps: \"${env:STEPS,10}\"}", "optim:\n  lr: ???", "parallel: {tp: \"${parallel.pp}\"}"}) {
    EXPECT_EQ(validator.complaint(parse_yaml(text, "f.yaml")), "") << text;
  }
  EXPECT_NE(validator.complaint(parse_yaml("defaults: {model: x}", "f.yaml")), "");
}

TEST(JsonSchema, EveryFieldHasItsMeaningInIt) {
  const Json schema = json_schema();
  for (const FieldInfo& field : describe_fields()) {
    const Json* at = &schema;
    size_t begin = 0;
    for (size_t dot; begin != std::string::npos; begin = dot == std::string::npos ? dot : dot + 1) {
      dot = field.path.find('.', begin);
      at = &at->at("properties").at(field.path.substr(begin, dot == std::string::npos ? dot : dot - begin));
    }
    EXPECT_NE(at->at("description").get<std::string>().find(field.doc), std::string::npos) << field.path;
  }
}

TEST(JsonSchema, UnknownSectionsAreNamed) {
  EXPECT_THAT(config_error([] { json_schema("modell"); }), testing::HasSubstr("did you mean model?"));
  EXPECT_THAT(config_error([] { json_schema("train.steps"); }), testing::HasSubstr("no section train.steps"));
}

TEST(ForeignKeys, EveryTargetIsAFieldAndEveryNameIsTold) {
  int count = 0;
  for (const ForeignKey& key : foreign_keys()) {
    const std::string ours(key.ours), model = "model.config.";
    if (ours.starts_with(model)) {
      EXPECT_TRUE(is_model_key(ours.substr(model.size()))) << ours;
    } else {
      EXPECT_NE(field_at(ours), nullptr) << key.name << " → " << ours;
    }
    const std::string text = config_error(
        [&] { run_config_from(parse_yaml(fmt::format("model: {{path: /m}}\n{}: 1", key.name), "f.yaml"), "t"); });
    EXPECT_THAT(text, testing::HasSubstr(fmt::format("unknown key {}; `{}` is `{}`", key.name, key.name, ours)));
    ++count;
  }
  EXPECT_GE(count, 60);
}

TEST(ForeignKeys, AreToldInAnySectionAndWithHyphens) {
  const std::string text = config_error([] {
    run_config_from(
        parse_yaml("model: {path: /m}\ntrain: {tensor-model-parallel-size: 2}\noptim: {learning_rate: 1}", "f.yaml"),
        "t");
  });
  EXPECT_THAT(text, testing::HasSubstr("`tensor_model_parallel_size` is `parallel.tp`"));
  EXPECT_THAT(text, testing::HasSubstr("`learning_rate` is `optim.lr`"));
}

TEST(ValueNames, OfEnumsFlagsAndAuto) {
  EXPECT_THAT(value_names("optim.schedule"), testing::Contains("cosine"));
  EXPECT_THAT(value_names("data.shuffle"), testing::ElementsAre("true", "false"));
  EXPECT_THAT(value_names("parallel.dp"), testing::ElementsAre("auto"));
  EXPECT_THAT(value_names("precision.master"), testing::IsSupersetOf({"auto", "float32", "bf16"}));
  EXPECT_THAT(value_names("train.micro_batch_size"), testing::IsEmpty());
  EXPECT_THAT(value_names("no.such"), testing::IsEmpty());
}

}  // namespace
}  // namespace loongforge::config
