// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/override.h"

#include <nlohmann/json.hpp>

#include "unit/config/support.h"

namespace loongforge::config {
namespace {
using testing::HasSubstr;

std::string applied(const std::string& text, std::vector<std::string> arguments) {
  Value root = parse_yaml(text, "f.yaml");
  Problems problems;
  auto is_open = [](std::string_view path) { return path == "free" || path.starts_with("free."); };
  for (const Override& o : parse_overrides(arguments)) apply_override(root, o, is_open, problems);
  problems.throw_if_any();
  return to_json(root).dump();
}

TEST(Overrides, SetRemoveAndIndex) {
  EXPECT_EQ(applied("a: {b: 1}\n", {"a.b=2"}), R"({"a":{"b":2}})");
  EXPECT_EQ(applied("a: {b: 1}\n", {"a.c=[1, x]", "d.e.f={k: 1.5}"}),
            R"({"a":{"b":1,"c":[1,"x"]},"d":{"e":{"f":{"k":1.5}}}})");
  EXPECT_EQ(applied("a: {b: 1, c: 2}\n", {"~a.b", "~a.none"}), R"({"a":{"c":2}})");
  EXPECT_EQ(applied("l: [{x: 1}, {x: 2}]\n", {"l[1].x=5", "l[0]=7"}), R"({"l":[7,{"x":5}]})");
  EXPECT_EQ(applied("l: [1, 2, 3]\n", {"~l[1]"}), R"({"l":[1,3]})");
}

TEST(Overrides, BothSpellings) {
  EXPECT_EQ(applied("{}", {"--a.b", "-1", "--c=x", "d=a=b"}), R"({"a":{"b":-1},"c":"x","d":"a=b"})");
  EXPECT_THAT(config_error([] { applied("{}", {"--a.b"}); }), HasSubstr("the value is missing"));
}

TEST(Overrides, ValuesAreYamlButShellPatternsAreText) {
  EXPECT_EQ(applied("{}", {"a=1e-4", "b=true", "c=\"1\"", "d=", "e=*.norm.*", "f=null", "g=???", "h=${env:X,1}"}),
            R"({"a":0.0001,"b":true,"c":"1","d":"","e":"*.norm.*","f":null,"g":"???","h":"${env:X,1}"})");
}

TEST(Overrides, FreeMapsNeedAPlusForNewKeys) {
  EXPECT_EQ(applied("free: {hidden: 1}\n", {"free.hidden=2", "+free.more=3", "++free.hidden=4", "++free.x.y=5"}),
            R"({"free":{"hidden":4,"more":3,"x":{"y":5}}})");
  std::string text = config_error([] {
    applied("free: {hidden: 1}\n", {"free.hiden=2", "+free.hidden=3", "~free.zzz"});
  });
  EXPECT_THAT(
      text,
      HasSubstr(
          "command line `free.hiden=2`: free.hiden is not there; did you mean hidden? to add it, write +free.hiden=…"));
  EXPECT_THAT(text, HasSubstr("free.hidden is there already"));
  EXPECT_THAT(text, HasSubstr("free.zzz is not there"));
}

TEST(Overrides, BadOnes) {
  for (auto bad : {"steps", "=3", "+", "~", "++x"}) {
    EXPECT_THAT(config_error([&] { parse_overrides(std::vector<std::string>{bad}); }),
                HasSubstr("an override is key=value"))
        << bad;
  }
  for (auto bad : {"a..b=1", ".a=1", "l[x]=1", "l[=1", "l[0]y=1", "l[-1]=1"}) {
    EXPECT_THAT(config_error([&] { applied("l: [1]\n", {bad}); }), HasSubstr("cannot read the path")) << bad;
  }
  EXPECT_THAT(config_error([] { applied("l: [1]\n", {"l[3]=1"}); }), HasSubstr("l has no entry 3 (it has 1)"));
  EXPECT_THAT(config_error([] { applied("{}", {"a=[1, 2"}); }), HasSubstr("command line `a=[1, 2`: "));
}

}  // namespace
}  // namespace loongforge::config
