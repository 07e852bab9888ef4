// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/value.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "unit/config/support.h"

namespace loongforge::config {
namespace {
using testing::HasSubstr;
using Kind = Value::Kind;

Kind kind_of(const std::string& text) { return parse_yaml("x: " + text, "t").find("x")->kind(); }

TEST(Yaml, ScalarsFollowTheCoreSchemaOfYaml12) {
  for (auto text :
       {"yes", "no", "on", "off", "\"1\"", "'true'", "1.2.3", "1e", "e5", "0x", "- x", "1_000", "qwen3", "nan", "."}) {
    if (std::string(text) == "- x") continue;
    EXPECT_EQ(kind_of(text), Kind::string) << text;
  }
  for (auto text : {"true", "False"}) EXPECT_EQ(kind_of(text), Kind::boolean) << text;
  for (auto text : {"0", "-12", "+3", "0x1F", "0o17", "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_EQ(kind_of(text), Kind::integer) << text;
  }
  for (auto text : {"1e-4", "1.", ".5", "-.5", "1.0E+3", ".inf", "-.inf", ".nan", "9223372036854775808"}) {
    EXPECT_EQ(kind_of(text), Kind::real) << text;
  }
  for (auto text : {"", "~", "null"}) EXPECT_EQ(kind_of(text), Kind::null) << text;
  EXPECT_EQ(parse_yaml("x: 0x1F", "t").find("x")->as_int(), 31);
  EXPECT_EQ(parse_yaml("x: 0o17", "t").find("x")->as_int(), 15);
  EXPECT_EQ(parse_yaml("x: -9223372036854775808", "t").find("x")->as_int(), INT64_MIN);
  EXPECT_DOUBLE_EQ(parse_yaml("x: 3e-4", "t").find("x")->as_real(), 3e-4);
}

TEST(Yaml, EveryNodeKnowsItsPlace) {
  Value root = parse_yaml("a: 1\nb:\n  c:\n    - x\n    - {d: 2.5}\n", "f.yaml");
  EXPECT_EQ(root.at_path("a")->place.text(), "f.yaml:1:4");
  EXPECT_EQ(root.at_path("b.c[1].d")->place.text(), "f.yaml:5:11");
  EXPECT_EQ(root.find("b")->map().front().place.text(), "f.yaml:3:3");
  EXPECT_EQ(root.at_path("b.c[2]"), nullptr);
  EXPECT_EQ(root.at_path("b.c.d"), nullptr);
  EXPECT_EQ(root.at_path("b.c[x]"), nullptr);
}

TEST(Yaml, AnchorsAndJsonAndEmptyFiles) {
  Value root = parse_yaml("a: &x {k: [1, 2]}\nb: *x\n", "t");
  EXPECT_EQ(root.at_path("b.k[1]")->as_int(), 2);
  EXPECT_TRUE(parse_yaml("", "t").is_null());
  EXPECT_TRUE(parse_yaml("# only words\n", "t").is_null());
  EXPECT_EQ(to_json(parse_yaml(R"({"a": [1, 2.5, "x", null, true]})", "t")).dump(), R"({"a":[1,2.5,"x",null,true]})");
  Json json = {{"z", {1, "2", nullptr}}, {"a", {{"k", 1.5}}}};
  EXPECT_EQ(to_json(from_json(json)), json);
}

TEST(Yaml, MalformedTextNamesThePlace) {
  EXPECT_THAT(config_error([] { parse_yaml("a: 1\nb: [1, 2\n", "f.yaml"); }), HasSubstr("f.yaml:"));
  EXPECT_THAT(config_error([] { parse_yaml("a: 1\nb: 2\na: 3\n", "f.yaml"); }),
              "f.yaml:3:1: a is given twice (first at f.yaml:1:1)");
  EXPECT_THAT(config_error([] { parse_yaml("a: *nobody\n", "f.yaml"); }), HasSubstr("f.yaml:1"));
  EXPECT_THAT(config_error([] { parse_yaml("a: 1\n---\nb: 2\n", "f.yaml"); }), HasSubstr("second document"));
  EXPECT_THAT(config_error([] { parse_yaml("? [1, 2]\n: x\n", "f.yaml"); }), HasSubstr("a key must be a plain name"));
  EXPECT_THAT(config_error([] { parse_yaml("a: !!python/object x\n", "f.yaml"); }), HasSubstr("not known"));
  config_error([] { parse_yaml(std::string(100'000, '['), "f.yaml"); });
}

TEST(Yaml, AliasesOfAliasesAreBounded) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += (k ? ", *a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(config_error([&] { parse_yaml(bomb, "f.yaml"); }), HasSubstr("too many values"));
}

TEST(Merge, MapsMergeDeepAndTheRestReplaces) {
  Value base = parse_yaml("a: {x: 1, y: [1, 2, 3]}\nb: 5\nc: {k: 1}\n", "base");
  merge_into(base, parse_yaml("a: {y: [9], z: 2}\nc: null\nd: new\n", "over"));
  EXPECT_EQ(to_json(base).dump(), R"({"a":{"x":1,"y":[9],"z":2},"b":5,"c":null,"d":"new"})");
  EXPECT_EQ(base.at_path("a.y")->place.text(), "over:1:8");
  EXPECT_EQ(base.at_path("a.x")->place.text(), "base:1:8");
}

TEST(Dump, ReadsBackToTheSame) {
  std::string text = R"(
plain: word
number_like: "123"
bool_like: "true"
null_like: "null"
real: 3e-4
whole: 2.0
special: "a: b # c"
path: /data/x.txt
lines: "a\nb\"c"
unicode: "héllo …"
dash: "-x"
empty: ""
dollar: "costs ${x"
inf: .inf
list: [1, two, {k: v}, []]
map: {}
deep: {a: {b: null}}
)";
  Value value = parse_yaml(text, "t");
  value.find("dollar")->quoted = true;
  std::string dumped = dump_yaml(value);
  EXPECT_THAT(dumped, HasSubstr("real: 3e-4\n"));
  Value back = parse_yaml(dumped, "back");
  back.set("dollar", Value("costs ${x"));  // `$${` is undone by interpolation
  EXPECT_EQ(to_json(back), to_json(value)) << dumped;
  EXPECT_EQ(back.find("number_like")->kind(), Kind::string);
}

}  // namespace
}  // namespace loongforge::config
