// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/post_processor.h"

#include <array>

#include "loongforge/core/error.h"

namespace loongforge::tokenizer {
namespace {

/// A sequence (0 or 1), or special ids.
struct Part {
  int sequence = -1;
  Ids ids;
};
using Template = std::vector<Part>;

Ids special_ids(const JsonNode& node, const std::string& name) {
  Ids ids;
  for (const JsonNode& id : node.at("special_tokens").at(name).at("ids").elements()) ids.push_back(id.id());
  return ids;
}

Template read_template(const JsonNode& node, std::string_view key, size_t sequences) {
  Template parts;
  std::array<bool, 2> used{};
  for (const JsonNode& item : node.at(key).elements()) {
    if (item.has("SpecialToken")) {
      parts.push_back({-1, special_ids(node, item.at("SpecialToken").at("id").string())});
      continue;
    }
    if (!item.has("Sequence")) item.fail("expected \"Sequence\" or \"SpecialToken\"");
    JsonNode id = item.at("Sequence").at("id");
    int sequence = id.string() == "A" ? 0 : id.string() == "B" ? 1 : 2;
    if (static_cast<size_t>(sequence) >= sequences) id.fail(fmt::format("there is no sequence '{}' here", id.string()));
    used[static_cast<size_t>(sequence)] = true;
    parts.push_back({sequence, {}});
  }
  if (!used[0] || (sequences == 2 && !used[1])) node.at(key).fail("the template lacks a \"Sequence\"");
  return parts;
}

void apply(const Template& parts, std::vector<Ids>& sequences, bool special) {
  std::vector<Ids> out;
  for (const Part& part : parts) {
    if (part.sequence >= 0) {
      out.push_back(sequences[static_cast<size_t>(part.sequence)]);
    } else if (special) {
      out.push_back(part.ids);
    }
  }
  sequences = std::move(out);
}

PostProcessor make_template(const JsonNode& node) {
  Template single = read_template(node, "single", 1);
  Template pair = node.has("pair") ? read_template(node, "pair", 2) : Template{{0, {}}, {1, {}}};
  return [single, pair](std::vector<Ids>& sequences, bool special) {
    if (sequences.size() <= 2) apply(sequences.size() == 2 ? pair : single, sequences, special);
  };
}

int32_t pair_id(const JsonNode& node) {
  auto pair = node.elements();
  if (pair.size() != 2) node.fail("expected [token, id]");
  return pair[1].id();
}

// BERT's [CLS] A [SEP] B [SEP]; RoBERTa's <s> A </s></s> B </s>.
PostProcessor make_pair_marks(const JsonNode& node, bool doubled) {
  return [cls = pair_id(node.at("cls")), sep = pair_id(node.at("sep")), doubled](std::vector<Ids>& sequences,
                                                                                 bool special) {
    if (!special) return;
    for (size_t i = 0; i < sequences.size(); ++i) {
      if (i == 0) sequences[i].insert(sequences[i].begin(), cls);
      if (i > 0 && doubled) sequences[i].insert(sequences[i].begin(), sep);
      sequences[i].push_back(sep);
    }
  };
}

PostProcessor make_post_processor_sequence(const JsonNode& node, int depth) {
  std::vector<PostProcessor> parts;
  for (const JsonNode& part : node.at("processors").elements()) parts.push_back(make_post_processor(part, depth + 1));
  return [parts](std::vector<Ids>& sequences, bool special) {
    for (const PostProcessor& part : parts) part(sequences, special);
  };
}

}  // namespace

PostProcessor make_post_processor(const JsonNode& node, int depth) {
  if (node.is_null()) return [](std::vector<Ids>&, bool) {};
  if (depth > kMaxNesting) node.fail("nested too deep");
  std::string type = node.at("type").string();
  if (type == "ByteLevel") return [](std::vector<Ids>&, bool) {};  // moves offsets only
  if (type == "Sequence") return make_post_processor_sequence(node, depth);
  if (type == "TemplateProcessing") return make_template(node);
  if (type == "BertProcessing" || type == "RobertaProcessing")
    return make_pair_marks(node, type == "RobertaProcessing");
  node.fail(fmt::format("post-processor '{}' is not supported", type));
}

}  // namespace loongforge::tokenizer
