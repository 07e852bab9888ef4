// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/interpolate.h"

#include <nlohmann/json.hpp>

#include "unit/config/support.h"

namespace loongforge::config {
namespace {
using testing::HasSubstr;

Environment fake_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOME") return "/home/me";
    if (name == "RANKS") return "8";
    if (name == "ODD") return "[not, a list: ";
    return std::nullopt;
  };
}

Value resolved(const std::string& text) {
  Value root = parse_yaml(text, "f.yaml");
  Problems problems;
  interpolate(root, problems, fake_environment());
  problems.throw_if_any();
  return root;
}

TEST(Interpolate, KeepsTypesAloneAndSplicesInText) {
  Value v =
      resolved("a: 5\nb: ${a}\nc: run-${a}/${b}\nd: {e: [1, '${a}']}\nf: ${d.e[1]}\ng: ${d}\nlr: 1e-4\nn: x${lr}\n");
  EXPECT_EQ(v.find("b")->as_int(), 5);
  EXPECT_EQ(v.find("c")->as_string(), "run-5/5");
  EXPECT_EQ(v.find("f")->as_int(), 5);
  EXPECT_EQ(to_json(*v.find("g")).dump(), R"({"e":[1,5]})");
  EXPECT_EQ(v.find("n")->as_string(), "x1e-4");
}

TEST(Interpolate, OrderOfWritingDoesNotMatter) {
  Value v = resolved("a: ${b}\nb: ${c}\nc: ${d.e}\nd: {e: 7}\n");
  EXPECT_EQ(v.find("a")->as_int(), 7);
}

TEST(Interpolate, EnvironmentWithDefaultsAndKeptText) {
  Value v =
      resolved("a: ${env:HOME}/x\nb: ${env:RANKS}\nc: ${env:NONE,16}\nd: ${env:NONE,}\ne: ${a}/y\nf: ${env:ODD}\n");
  EXPECT_EQ(v.find("a")->as_string(), "/home/me/x");
  EXPECT_EQ(v.find("b")->as_int(), 8);
  EXPECT_EQ(v.find("c")->as_int(), 16);
  EXPECT_EQ(v.find("d")->as_string(), "");
  EXPECT_EQ(v.find("e")->as_string(), "/home/me/x/y");
  EXPECT_EQ(v.find("f")->as_string(), "[not, a list: ");
  std::string saved = dump_yaml(v, false);
  EXPECT_THAT(saved, HasSubstr("a: \"${env:HOME}/x\"\n"));
  EXPECT_THAT(saved, HasSubstr("e: \"${env:HOME}/x/y\"\n"));
  EXPECT_THAT(saved, testing::Not(HasSubstr("/home/me")));
  EXPECT_THAT(dump_yaml(v), HasSubstr("a: /home/me/x\n"));
}

TEST(Interpolate, DollarsCanBeEscapedAndSurviveSaving) {
  Value v = resolved("a: \"$${b}\"\nb: $5 or $x\n");
  EXPECT_EQ(v.find("a")->as_string(), "${b}");
  EXPECT_EQ(v.find("b")->as_string(), "$5 or $x");
  EXPECT_EQ(to_json(resolved(dump_yaml(v))), to_json(v));
}

TEST(Interpolate, ReportsAllThatIsWrong) {
  std::string text = config_error([] {
    resolved(
        "a: ${nothing}\nb: ${env:UNSET}\nc: ${d}\nd: ${c}\ne: ${open\nf: {g: 1}\nh: x${f}\ni: ${i}\nj: {k: '${j}'}\n");
  });
  EXPECT_THAT(text, HasSubstr("f.yaml:1:4: ${nothing}: there is no nothing"));
  EXPECT_THAT(text, HasSubstr("f.yaml:2:4: the environment variable UNSET is not set"));
  EXPECT_THAT(text, HasSubstr("refers to itself"));
  EXPECT_THAT(text, HasSubstr("f.yaml:5:4: ${open has `${` without `}`"));
  EXPECT_THAT(text, HasSubstr("f.yaml:7:4: ${f} is a map"));
  EXPECT_THAT(text, HasSubstr("f.yaml:8:4:"));
  EXPECT_THAT(text, HasSubstr("f.yaml:9:8:"));
}

}  // namespace
}  // namespace loongforge::config
