// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/post_processor.h"

#include "loongforge/core/error.h"

namespace loongforge::tokenizer {
namespace {

constexpr int kMaxDepth = 32;

PostProcessor surround(std::vector<int32_t> before, std::vector<int32_t> after) {
  return [before = std::move(before), after = std::move(after)](std::vector<int32_t>& ids) {
    ids.insert(ids.begin(), before.begin(), before.end());
    ids.insert(ids.end(), after.begin(), after.end());
  };
}

PostProcessor make_template(const JsonNode& node) {
  std::vector<int32_t> around[2];
  size_t sequences = 0;
  for (const JsonNode& item : node.at("single").elements()) {
    if (item.has("Sequence")) {
      if (++sequences > 1) item.fail("a template with its sequence twice is not supported");
      continue;
    }
    if (!item.has("SpecialToken")) item.fail("expected \"Sequence\" or \"SpecialToken\"");
    std::string name = item.at("SpecialToken").at("id").string();
    for (const JsonNode& id : node.at("special_tokens").at(name).at("ids").elements())
      around[sequences].push_back(id.id());
  }
  if (sequences == 0) node.at("single").fail("the template has no \"Sequence\"");
  return surround(around[0], around[1]);
}

int32_t pair_id(const JsonNode& node) {
  auto pair = node.elements();
  if (pair.size() != 2) node.fail("expected [token, id]");
  return pair[1].id();
}

PostProcessor make_sequence(const JsonNode& node, int depth) {
  std::vector<PostProcessor> parts;
  for (const JsonNode& part : node.at("processors").elements()) parts.push_back(make_post_processor(part, depth + 1));
  return [parts](std::vector<int32_t>& ids) {
    for (const PostProcessor& part : parts) part(ids);
  };
}

}  // namespace

PostProcessor make_post_processor(const JsonNode& node, int depth) {
  if (node.is_null()) return [](std::vector<int32_t>&) {};
  if (depth > kMaxDepth) node.fail("nested too deep");
  std::string type = node.at("type").string();
  if (type == "ByteLevel") return [](std::vector<int32_t>&) {};  // moves offsets only
  if (type == "Sequence") return make_sequence(node, depth);
  if (type == "TemplateProcessing") return make_template(node);
  if (type == "BertProcessing" || type == "RobertaProcessing")
    return surround({pair_id(node.at("cls"))}, {pair_id(node.at("sep"))});
  node.fail(fmt::format("post-processor '{}' is not supported", type));
}

}  // namespace loongforge::tokenizer
