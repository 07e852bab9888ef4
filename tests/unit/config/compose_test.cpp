// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/compose.h"

#include <nlohmann/json.hpp>

#include "unit/config/support.h"

namespace loongforge::config {
namespace {
using testing::HasSubstr;

class Compose : public ConfigFolder {
 protected:
  std::string composed(const std::string& main, std::vector<std::string> arguments = {}) {
    std::string file = write("main.yaml", main);
    SearchPath search({folder_});
    std::vector<Override> overrides = parse_overrides(arguments);
    Choices choices = take_choices(overrides, search);
    EXPECT_TRUE(overrides.empty()) << "only groups are chosen in these tests";
    return to_json(compose(file, search, choices)).dump();
  }
};

TEST_F(Compose, GroupsGoToTheirKeyAndTheFileWins) {
  write("model/small.yaml", "size: 1\nlayers: {n: 2, m: 3}\n");
  EXPECT_EQ(composed("defaults:\n  - model: small\nmodel:\n  layers: {n: 9}\ntop: x\n"),
            R"({"model":{"size":1,"layers":{"n":9,"m":3}},"top":"x"})");
}

TEST_F(Compose, SelfMayComeFirst) {
  write("model/small.yaml", "size: 1\n");
  EXPECT_EQ(composed("defaults: [_self_, {model: small}]\nmodel: {size: 5, x: 6}\n"), R"({"model":{"size":1,"x":6}})");
}

TEST_F(Compose, DestinationsOptionalsListsAndNulls) {
  write("model/a.yaml", "k: a\n");
  write("model/b.yaml", "l: b\n");
  EXPECT_EQ(composed("defaults:\n  - model@teacher: a\n  - model@deep.student: b\n  - optional cluster: mine\n"
                     "  - model: null\n  - model@_global_: [a, b]\n"),
            R"({"teacher":{"k":"a"},"deep":{"student":{"l":"b"}},"k":"a","l":"b"})");
}

TEST_F(Compose, FilesComposeInsideTheirGroup) {
  write("model/base.yaml", "size: 1\nkind: base\n");
  write("model/vision/tiny.yaml", "depth: 2\n");
  write("data/text.yaml", "kind: text\n");
  write("model/big.yaml", "defaults: [base, {vision: tiny}, {/data: text}]\nsize: 7\n");
  EXPECT_EQ(composed("defaults: [{model: big}]\n"),
            R"({"model":{"size":7,"kind":"base","vision":{"depth":2}},"data":{"kind":"text"}})");
}

TEST_F(Compose, ARunCanExtendAnotherAndOverrideItsChoices) {
  write("model/a.yaml", "k: a\n");
  write("model/b.yaml", "k: b\n");
  write("base_run.yaml", "defaults: [{model: a}]\ntrain: {steps: 5, x: 1}\n");
  std::string main = "defaults: [base_run, {override model: b}]\ntrain: {steps: 6}\n";
  EXPECT_EQ(composed(main), R"({"model":{"k":"b"},"train":{"steps":6,"x":1}})");
  EXPECT_EQ(composed(main, {"model=a"}), R"({"model":{"k":"a"},"train":{"steps":6,"x":1}})");
}

TEST_F(Compose, TheCommandLineSwapsDropsAndAddsGroups) {
  write("model/a.yaml", "k: a\n");
  write("model/b.yaml", "k: b\n");
  std::string main = "defaults: [{model: a}]\nmodel: {own: 1}\n";
  EXPECT_EQ(composed(main, {"model=b"}), R"({"model":{"k":"b","own":1}})");
  EXPECT_EQ(composed(main, {"~model"}), R"({"model":{"own":1}})");
  EXPECT_EQ(composed(main, {"+model@teacher=b"}), R"({"model":{"k":"a","own":1},"teacher":{"k":"b"}})");
  EXPECT_EQ(composed("model: {own: 1}\n", {"model=b"}), R"({"model":{"own":1,"k":"b"}})");
}

TEST_F(Compose, AGroupThatNoListHasReplacesTheFilesKeysWhole) {
  write("model/big.yaml", "config: {size: 9}\n");
  EXPECT_EQ(composed("model: {config: {size: 1, own: 2}, freeze: x}\n", {"model=big"}),
            R"({"model":{"config":{"size":9},"freeze":"x"}})");
  write("set/one.yaml", "top: {b: 2}\n");
  EXPECT_EQ(composed("top: {a: 1}\n", {"+set@_global_=one"}), R"({"top":{"b":2}})");
}

TEST_F(Compose, AnEmptySectionDoesNotWipeWhatWasComposed) {
  write("model/a.yaml", "k: a\n");
  EXPECT_EQ(composed("defaults: [{model: a}]\nmodel:\n"), R"({"model":{"k":"a"}})");
}

TEST_F(Compose, ErrorsNameThePlaceAndTheNearestName) {
  write("model/qwen3_8b.yaml", "k: a\n");
  write("model/loop.yaml", "defaults: [loop]\n");
  write("model/list.yaml", "[1, 2]\n");
  std::string text = config_error([&] { composed("defaults:\n  - model: qwen3_9b\n"); });
  EXPECT_THAT(text, HasSubstr("main.yaml:2:5: there is no model configuration named qwen3_9b; did you mean qwen3_8b?"));
  EXPECT_THAT(text, HasSubstr("there are: list, loop, qwen3_8b"));
  EXPECT_THAT(config_error([&] { composed("a: 1\n", {"model=qwen8b"}); }),
              HasSubstr("command line `model=qwen8b`: there is no"));
  EXPECT_THAT(config_error([&] { composed("defaults: [{model: loop}]\n"); }), HasSubstr("composes itself"));
  EXPECT_THAT(config_error([&] { composed("defaults: [{model: list}]\n"); }),
              HasSubstr("list.yaml:1:1: a configuration is a map"));
  EXPECT_THAT(config_error([&] { composed("defaults: {model: a}\n"); }), HasSubstr("defaults must be a list"));
  EXPECT_THAT(config_error([&] { composed("defaults: [{a: b, c: d}]\n"); }), HasSubstr("main.yaml:1:"));
  EXPECT_THAT(config_error([&] { composed("defaults: [{override model: x}]\n"); }),
              HasSubstr("no defaults list has this group"));
  EXPECT_THAT(config_error([&] { composed("a: 1\n", {"~model"}); }), HasSubstr("no defaults list has the group model"));
  EXPECT_THAT(config_error([&] { composed("defaults:\n  - model: ???\n"); }), HasSubstr("model must be chosen"));
}

TEST_F(Compose, SearchPathsFindByPathAndName) {
  write("run.yaml", "a: 1\n");
  SearchPath search({folder_});
  EXPECT_EQ(search.locate("run"), folder_ / "run.yaml");
  EXPECT_EQ(search.locate((folder_ / "run").string()), folder_ / "run.yaml");
  EXPECT_THAT(config_error([&] { search.locate("rum"); }),
              HasSubstr("there is no configuration rum | did you mean run?"));
  EXPECT_TRUE(
      SearchPath::standard().find("model/qwen3_debug"));  // found from the build tree, whatever the working folder
}

}  // namespace
}  // namespace loongforge::config
