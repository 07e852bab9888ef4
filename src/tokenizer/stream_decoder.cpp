// SPDX-License-Identifier: Apache-2.0
#include "loongforge/tokenizer/tokenizer.h"

namespace loongforge::tokenizer {

// A token's text may depend on the one before it (a leading space dropped at the start), so the last whole run stays as
// context; text that ends in U+FFFD may be the beginning of a character that later bytes complete.
std::string StreamDecoder::take(bool last) {
  std::string text = tokenizer_.decode(ids_, skip_special_);
  if (text.size() <= text_.size() || (!last && text.ends_with("\xEF\xBF\xBD"))) return {};
  std::string fresh = text.substr(text_.size());
  ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(given_));
  given_ = ids_.size();
  text_ = tokenizer_.decode(ids_, skip_special_);
  return fresh;
}

std::string StreamDecoder::push(int32_t id) {
  ids_.push_back(id);
  return take(false);
}

std::string StreamDecoder::finish() { return take(true); }

}  // namespace loongforge::tokenizer
