// SPDX-License-Identifier: Apache-2.0
// The shipped model configurations against the parameter counts that their publishers state (safetensors metadata of
// the model cards; tied heads counted once).
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>

#include "loongforge/spec/model_spec.h"

namespace loongforge::spec {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

const std::map<std::string, int64_t> kPublished = {
    {"llama2_7b", 6'738'415'616},      {"llama2_13b", 13'015'864'320},      {"llama2_70b", 68'976'648'192},
    {"llama3_8b", 8'030'261'248},      {"llama3_70b", 70'553'706'496},      {"llama3_1_8b", 8'030'261'248},
    {"llama3_1_70b", 70'553'706'496},  {"llama3_1_405b", 405'853'388'800},  {"llama3_2_1b", 1'235'814'400},
    {"llama3_2_3b", 3'212'749'824},    {"qwen2_0_5b", 494'032'768},         {"qwen2_1_5b", 1'543'714'304},
    {"qwen2_7b", 7'615'616'512},       {"qwen2_72b", 72'706'203'648},       {"qwen2_5_0_5b", 494'032'768},
    {"qwen2_5_1_5b", 1'543'714'304},   {"qwen2_5_3b", 3'085'938'688},       {"qwen2_5_7b", 7'615'616'512},
    {"qwen2_5_14b", 14'770'033'664},   {"qwen2_5_32b", 32'763'876'352},     {"qwen2_5_72b", 72'706'203'648},
    {"qwen3_0_6b", 596'049'920},       {"qwen3_1_7b", 1'720'574'976},       {"qwen3_4b", 4'022'468'096},
    {"qwen3_8b", 8'190'735'360},       {"qwen3_14b", 14'768'307'200},       {"qwen3_32b", 32'762'123'264},
};

Json to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    Json map = Json::object();
    for (const auto& entry : node) map[entry.first.as<std::string>()] = to_json(entry.second);
    return map;
  }
  if (node.IsSequence()) {
    Json list = Json::array();
    for (const auto& entry : node) list.push_back(to_json(entry));
    return list;
  }
  if (int64_t integer; YAML::convert<int64_t>::decode(node, integer)) return integer;
  if (double number; YAML::convert<double>::decode(node, number)) return number;
  if (bool flag; YAML::convert<bool>::decode(node, flag)) return flag;
  return node.as<std::string>();
}

Json load(const std::string& name) {
  return to_json(YAML::LoadFile(std::string(LF_SOURCE_DIR) + "/configs/model/" + name + ".yaml")["config"]);
}

TEST(ModelConfigs, HaveThePublishedParameterCounts) {
  const Registry registry = Registry::builtin();
  for (const auto& [name, count] : kPublished) EXPECT_EQ(registry.parse(load(name)).parameter_count(), count) << name;
}

TEST(ModelConfigs, EveryFileIsChecked) {
  for (const auto& entry : fs::directory_iterator(fs::path(LF_SOURCE_DIR) / "configs/model")) {
    const std::string name = entry.path().stem();
    const bool debug = name.ends_with("_debug");
    EXPECT_TRUE(debug || kPublished.count(name)) << name << " has no published count here";
    EXPECT_NO_THROW(Registry::builtin().parse(load(name))) << name;
  }
}

TEST(ModelConfigs, DebugSizesAreTheFamiliesOwn) {
  const Registry registry = Registry::builtin();
  for (const std::string& family : registry.names()) {
    Json file = load(family + "_debug");
    file.erase("torch_dtype");
    const Json& built_in = registry.family(family).debug_config;
    EXPECT_EQ(nlohmann::json(file), nlohmann::json(built_in)) << family;
    EXPECT_LT(registry.parse(built_in).parameter_count(), 200'000);
  }
}

// Qwen3-0.6B and 1.7B also publish their tied head: the checkpoint then has vocabulary × hidden elements more.
TEST(ModelConfigs, PublishedCopiesOfTiedHeads) {
  const auto with_copies = [](const std::string& name) {
    const ModelSpec model = Registry::builtin().parse(load(name));
    int64_t count = model.parameter_count();
    for (const ParamSpec* param : model.distinct_params()) {
      for (const Piece& piece : param->pieces)
        count += piece.dst_box.numel() * static_cast<int64_t>(piece.copies.size());
    }
    return count;
  };
  EXPECT_EQ(with_copies("qwen3_0_6b"), 751'632'384);
  EXPECT_EQ(with_copies("qwen3_1_7b"), 2'031'739'904);
}

}  // namespace
}  // namespace loongforge::spec
