// SPDX-License-Identifier: Apache-2.0
// Renderings against transformers' (tools/oracle/chat_render.py), bounds, damaged templates, template files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/tokenizer/chat.h"

namespace loongforge::tokenizer {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::tm oracle_time() {  // Friday, 4 July 2025, 13:05:09
  std::tm time{};
  time.tm_year = 125;
  time.tm_mon = 6;
  time.tm_mday = 4;
  time.tm_hour = 13;
  time.tm_min = 5;
  time.tm_sec = 9;
  time.tm_wday = 5;
  time.tm_yday = 184;
  return time;
}

ChatOptions options_of(const Json& record) {
  ChatOptions options;
  options.add_generation_prompt = record["agp"];
  options.continue_final_message = record["cfm"];
  options.variables = std::make_shared<Json>(record["variables"]);
  if (!record["tools"].is_null()) options.tools = std::make_shared<Json>(record["tools"]);
  if (!record["documents"].is_null()) options.documents = std::make_shared<Json>(record["documents"]);
  options.clock = oracle_time;
  return options;
}

Json golden() { return read_json(std::string(LF_SOURCE_DIR) + "/tests/golden/chat/templates.json"); }

TEST(ChatTemplate, EqualToTransformers) {
  int rendered = 0, refused = 0;
  for (const Json& record : golden()) {
    std::string name = record["name"], source = record["template"], text, error;
    ChatTemplate::Marked marked;
    try {
      auto chat_template = ChatTemplate::from_text(source, record["special"], name);
      marked = chat_template.render_marked(record["messages"], options_of(record));
    } catch (const Error& caught) {
      error = caught.what();
      EXPECT_FALSE(caught.hint().empty()) << name;
    }
    if (record.contains("error")) {
      ++refused;
      EXPECT_FALSE(error.empty()) << name << ": " << source << "\n gave " << marked.text << "\n not "
                                  << record["error"];
      continue;
    }
    ++rendered;
    EXPECT_EQ(error, "") << name << ": " << source;
    EXPECT_EQ(marked.text, record["text"].get<std::string>()) << name << ": " << source;
    if (!record.contains("generated")) continue;
    Json ranges = Json::array();
    for (const auto& range : marked.generated) ranges.push_back({range.begin, range.end});
    EXPECT_EQ(ranges, record["generated"]) << name;
  }
  EXPECT_GE(rendered, 100);
  EXPECT_GE(refused, 50);
}

Json one_message() { return Json::array({{{"role", "user"}, {"content", "hi"}}}); }

std::string failure(const std::string& source, const ChatOptions& options = {}) {
  try {
    ChatTemplate::from_text(source, "t").render(one_message(), options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ChatTemplate, NamesTemplateAndLine) {
  EXPECT_THAT(failure("a\nb\n{{ x.y }}"), HasSubstr("t:3: 'x' is undefined"));
  EXPECT_THAT(failure("a\n{% for %}"), HasSubstr("t:2: expected a name to assign to"));
  EXPECT_THAT(failure("{% if true %}\n\n{{ raise_exception('only users') }}{% endif %}"),
              HasSubstr("t:3: the template refuses the conversation: only users"));
  EXPECT_THROW(ChatTemplate::from_text("{{", "t"), ConfigError);
  EXPECT_THROW(ChatTemplate::from_text("{{ x.y }}", "t").render(one_message()), DataError);
}

TEST(ChatTemplate, RefusesWhatIsNoConversation) {
  auto chat_template = ChatTemplate::from_text("x", "t");
  EXPECT_THROW(chat_template.render(Json::array()), DataError);
  EXPECT_THROW(chat_template.render(Json::object()), DataError);
  EXPECT_THROW(chat_template.render(Json::array({1})), DataError);
}

// Each would run for hours, fill the memory or the stack.
TEST(ChatTemplate, BoundsHostileTemplates) {
  ChatOptions options;
  options.limits.steps = 300'000;
  options.limits.bytes = 16 << 20;
  std::string deep(5000, '['), nested;
  for (int i = 0; i < 300; ++i) nested += "{% if x %}";
  const std::vector<std::string> hostile = {
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
      "{% set ns = namespace(x='xxxxxxxx') %}{% for a in range(99999) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
      "{% set ns = namespace(x=[1]) %}{% for a in range(99999) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
      "{% set ns = namespace(x=[]) %}{% for a in range(99999) %}{% set ns.x = [ns.x] %}{% endfor %}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
      "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
      "{{ 'x' * 999999999999 }}",
      "{{ [1] * 999999999999 }}",
      "{{ 'x'.center(999999999999) }}",
      "{{ '%999999999d' % 1 }}",
      "{{ '{:999999999}'.format(1) }}",
      "{{ 'a\\nb' | indent(999999999999) }}",
      "{{ [1] | batch(999999999999, 0) | list }}",
      "{{ [1] | slice(999999999999) | list }}",
      "{{ 9999999999 ** 9999999999 }}",
      "{{ ('x' * 99999).replace('', 'y' * 99999) }}",
      "{% for a in range(99999) %}{{ 'x' * 999 }}{% endfor %}",
      "{{ " + deep,
      "{{ " + std::string(5000, '(') + "1",
      "{{ " + std::string(5000, '-') + "1 }}",
      "{% set " + std::string(5000, '(') + "a",
      nested,
  };
  for (const std::string& source : hostile) EXPECT_NE(failure(source, options), "no error") << source.substr(0, 80);
}

TEST(ChatTemplate, ReleasesClosuresThatHoldEachOther) {
  std::string source =
      "{% set ns = namespace() %}{% set ns.self = ns %}{% macro m() %}{{ ns.self is defined }}{% endmacro %}"
      "{% set ns.m = m %}{% for i in range(20000) %}{% macro k() %}{{ i }}{% endmacro %}{% set ns.k = [k] %}{% endfor %}"
      "{{ m() }}";
  EXPECT_EQ(ChatTemplate::from_text(source, "t").render(one_message()), "True");
}

TEST(ChatTemplate, SurvivesDamagedTemplates) {
  std::mt19937 random(7);
  ChatOptions options;
  options.limits.steps = 20'000;
  options.limits.bytes = 4 << 20;
  options.clock = oracle_time;
  const Json records = golden();
  const std::string pieces[] = {"{%", "%}", "{{",   "}}",   "-",  "|",  "(",   ")",
                                "[",  "'",  "\"",   " in ", " if ", "\\", "{#", "\xc3"};
  int refused = 0, tried = 0;
  for (const Json& record : records) {
    options.variables = std::make_shared<Json>(record["variables"]);
    for (int round = 0; round < 20; ++round) {
      std::string source = record["template"];
      for (int edit = 0; edit < 3; ++edit) {
        size_t at = random() % (source.size() + 1);
        if (random() % 2 == 0) {
          source.insert(at, pieces[random() % std::size(pieces)]);
        } else {
          source.erase(at, 1 + random() % 4);
        }
      }
      ++tried;
      try {
        ChatTemplate::from_text(source, "t").render(record["messages"], options);
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, tried / 4);
  EXPECT_LT(refused, tried);
}

class ChatFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("lf_chat_{}", getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "additional_chat_templates");
  }
  void TearDown() override { fs::remove_all(folder_); }
  void put(const std::string& name, const std::string& text) { write_file(folder_ / name, text, FileRole::data); }
  std::string render(std::string_view name = {}, bool tools = false) {
    ChatOptions options;
    if (tools) options.tools = std::make_shared<Json>(Json::array({{{"name", "f"}}}));
    return ChatTemplate::from_folder(folder_, name).render(one_message(), options);
  }
  fs::path folder_;
};

TEST_F(ChatFolder, ReadsConfigText) {
  put("tokenizer_config.json",
      R"({"chat_template": "{{ bos_token }}{{ eos_token }}C", "bos_token": "<s>", "eos_token": {"content": "</s>"}})");
  EXPECT_EQ(render(), "<s></s>C");
  EXPECT_EQ(ChatTemplate::from_folder(folder_).special_token("eos_token"), "</s>");
}

TEST_F(ChatFolder, ReadsNamedTemplates) {
  put("tokenizer_config.json",
      R"({"chat_template": [{"name": "default", "template": "D"}, {"name": "tool_use", "template": "T"}]})");
  EXPECT_EQ(render(), "D");
  EXPECT_EQ(render({}, true), "T");
  EXPECT_EQ(render("default", true), "D");
  EXPECT_THROW(render("rag"), ConfigError);
}

TEST_F(ChatFolder, PrefersFiles) {
  put("tokenizer_config.json", R"({"chat_template": "C"})");
  put("chat_template.json", R"({"chat_template": "J"})");
  EXPECT_EQ(render(), "J");
  put("chat_template.jinja", "F");
  put("additional_chat_templates/tool_use.jinja", "T");
  EXPECT_EQ(render(), "F");
  EXPECT_EQ(render({}, true), "T");
  EXPECT_EQ(render("tool_use"), "T");
}

TEST_F(ChatFolder, RefusesFoldersWithoutTemplates) {
  EXPECT_THROW(render(), ConfigError);
  put("tokenizer_config.json", R"({"chat_template": 5})");
  EXPECT_THROW(render(), ConfigError);
  put("tokenizer_config.json", R"({"chat_template")");
  EXPECT_THROW(render(), DataError);
  put("tokenizer_config.json", "{}");
  put("chat_template.jinja", "\xff");
  EXPECT_THROW(render(), ConfigError);
}

}  // namespace
}  // namespace loongforge::tokenizer
