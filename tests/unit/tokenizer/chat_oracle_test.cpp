// SPDX-License-Identifier: Apache-2.0
// Published templates × conversations against transformers, and the loss masks of all of them. The templates keep their
// licences and are not committed: LF_CHAT_ORACLE names the file that tools/oracle/chat_render.py makes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/tokenizer/chat_mask.h"

namespace loongforge::tokenizer {
namespace {

std::tm oracle_time() {
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

struct Counts {
  int records = 0, equal = 0, refused = 0, masked = 0, last_only = 0, unmaskable = 0;
};

class ChatOracle : public ::testing::Test {
 protected:
  const ChatTemplate& parsed(const Json& record) {
    std::string path = record["template"];
    auto found = templates_.find(path);
    if (found == templates_.end())
      found = templates_.emplace(path, ChatTemplate::from_text(read_file(path), record["special"], path)).first;
    return found->second;
  }

  static ChatOptions options_of(const Json& record) {
    ChatOptions options;
    options.add_generation_prompt = record["agp"];
    options.continue_final_message = record["cfm"];
    options.variables = std::make_shared<Json>(record["variables"]);
    if (!record["tools"].is_null()) options.tools = std::make_shared<Json>(record["tools"]);
    if (!record["documents"].is_null()) options.documents = std::make_shared<Json>(record["documents"]);
    options.clock = oracle_time;
    return options;
  }

  static std::string name_of(const Json& record) {
    std::string path = record["template"];
    return path.substr(path.rfind('/') + 1) + " × " + record["name"].get<std::string>();
  }

  void compare(const Json& record) {
    ++counts_.records;
    std::string text, error;
    try {
      text = parsed(record).render(record["messages"], options_of(record));
    } catch (const Error& caught) {
      error = caught.what();
    }
    bool expect_error = record.contains("error");
    bool same = expect_error ? !error.empty() : error.empty() && text == record["text"].get<std::string>();
    counts_.equal += same;
    counts_.refused += expect_error;
    if (!same && ++shown_ < 20)
      ADD_FAILURE() << name_of(record) << "\n error: " << error << "\n found:    " << text << "\n expected: "
                    << (expect_error ? record["error"] : record["text"]).get<std::string>();
    if (!expect_error && same && !record["agp"].get<bool>() && record["cfm"] == "") check_mask(record);
  }

  // Words of the assistant (a…) are in its turns alone, words of others (u…, s…) never in them.
  void check_mask(const Json& record) {
    RenderedConversation conversation;
    try {
      conversation = render_conversation(parsed(record), record["messages"], options_of(record));
    } catch (const DataError& error) {
      ++counts_.unmaskable;
      EXPECT_STRNE(error.hint().c_str(), "");
      return;
    }
    ++counts_.masked;
    counts_.last_only += !conversation.note.empty();
    static const std::regex kOthers("[us][0-9][0-9][xy]"), kOwn("a[0-9][0-9][xy]");
    std::string outside;
    size_t at = 0;
    bool trained = false;
    for (const TurnSpan& turn : conversation.turns) {
      ASSERT_LT(turn.begin, turn.end) << name_of(record);
      ASSERT_LE(at, turn.begin) << name_of(record);
      outside += conversation.text.substr(at, turn.begin - at) + "|";
      std::string inside = conversation.text.substr(turn.begin, turn.end - turn.begin);
      EXPECT_FALSE(std::regex_search(inside, kOthers)) << name_of(record) << "\n" << inside;
      trained = trained || turn.train;
      at = turn.end;
    }
    outside += conversation.text.substr(at);
    EXPECT_TRUE(trained) << name_of(record);
    bool all_placed = conversation.note.empty();
    EXPECT_FALSE(all_placed && std::regex_search(outside, kOwn)) << name_of(record) << "\n" << outside;
  }

  std::map<std::string, ChatTemplate> templates_;
  Counts counts_;
  int shown_ = 0;
};

TEST_F(ChatOracle, PublishedTemplates) {
  const char* path = std::getenv("LF_CHAT_ORACLE");
  if (path == nullptr) GTEST_SKIP() << "LF_CHAT_ORACLE is not set (tests/oracle/chat_render_test.py sets it)";
  std::ifstream in(path);
  ASSERT_TRUE(in) << path;
  std::set<std::string> names;
  for (std::string line; std::getline(in, line);) {
    Json record = Json::parse(line);
    names.insert(record["name"]);
    compare(record);
  }
  std::printf("%zu templates x %zu conversations: %d renderings, %d equal (%d of them refusals); %d masks, %d of them of the "
              "last turn only, %d refused with a reason\n",
              templates_.size(), names.size(), counts_.records, counts_.equal, counts_.refused, counts_.masked,
              counts_.last_only, counts_.unmaskable);
  EXPECT_GE(templates_.size(), 50u);
  EXPECT_GE(names.size(), 20u);
  EXPECT_EQ(counts_.equal, counts_.records);
  EXPECT_GT(counts_.masked, counts_.records / 4);
}

}  // namespace
}  // namespace loongforge::tokenizer
