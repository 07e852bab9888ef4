// SPDX-License-Identifier: Apache-2.0
// YAML text → Value, over yaml-cpp's event parser (its node tree forgets quoting and places of keys).
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <sstream>

#include "loongforge/config/value.h"
#include "loongforge/core/files.h"

namespace loongforge::config {
namespace {

constexpr size_t kMaxNodes = 1'000'000;  // aliases of aliases can grow without bound
constexpr size_t kMaxKeys = 10'000;      // of one map, which is searched key by key

std::optional<int64_t> integer_of(std::string_view text) {
  bool negative = text.starts_with('-');
  std::string_view digits = text.substr(negative || text.starts_with('+') ? 1 : 0);
  int base = 10;
  if (digits.starts_with("0x")) base = 16;
  if (digits.starts_with("0o")) base = 8;
  if (base != 10) digits.remove_prefix(2);
  if (digits.empty()) return std::nullopt;
  uint64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  const uint64_t limit = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + (negative ? 1 : 0);
  if (error != std::errc{} || end != digits.data() + digits.size() || value > limit) return std::nullopt;
  return static_cast<int64_t>(negative ? 0 - value : value);
}

std::optional<double> real_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::string_view unsigned_text = text.substr(text.starts_with('-') ? 1 : 0);
  const double sign = text.starts_with('-') ? -1 : 1;
  if (unsigned_text == ".inf" || unsigned_text == ".Inf" || unsigned_text == ".INF") return sign * HUGE_VAL;
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return std::nan("");
  if (unsigned_text.empty() || unsigned_text.find_first_of("0123456789") > 1) return std::nullopt;
  if (unsigned_text.find_first_not_of("0123456789.eE+-") != unsigned_text.npos) return std::nullopt;
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return std::nullopt;
  return error == std::errc::result_out_of_range ? std::nullopt : std::optional(value);
}

Value plain_scalar(const std::string& text) {
  Value value;
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return value;
  if (text == "true" || text == "True" || text == "TRUE") value = Value(true);
  else if (text == "false" || text == "False" || text == "FALSE") value = Value(false);
  else if (auto integer = integer_of(text)) value = Value(*integer);
  else if (auto real = real_of(text)) value = Value(*real);
  else value = Value(text);
  value.spelling = text;
  return value;
}

/// Builds the tree of the first document.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(Place base) : base_(std::move(base)) {}

  Value take() { return std::move(root_); }
  bool has_root() const { return has_root_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(Value(), mark, anchor); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(mark, "an alias inside the value it stands for");
    Value copy = found->second;
    nodes_ += count(copy);
    add(std::move(copy), mark, 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    bool plain = tag == "?" || tag.empty();
    if (!plain && tag != "!" && tag != "tag:yaml.org,2002:str") fail(mark, fmt::format("the tag {} is not known", tag));
    Value value = plain ? plain_scalar(text) : Value(text);
    value.spelling = text;
    value.quoted = !plain;
    add(std::move(value), mark, anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Value(Value::List{}), mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Value::empty_map(), mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    Value value;
    YAML::Mark mark;
    YAML::anchor_t anchor;
    std::optional<Entry> entry;  // a key that waits for its value
  };

  static size_t count(const Value& value) {
    size_t nodes = 1;
    if (value.is(Value::Kind::list)) {
      for (const Value& item : value.list()) nodes += count(item);
    } else if (value.is_map()) {
      for (const Entry& entry : value.map()) nodes += count(entry.value);
    }
    return nodes;
  }

  Place at(const YAML::Mark& mark) const {
    // Values of a command line carry the command line as their place.
    return base_.line < 0 ? Place{base_.origin, 0, 0} : Place{base_.origin, mark.line + 1, mark.column + 1};
  }

  [[noreturn]] void fail(const YAML::Mark& mark, std::string_view what) const {
    throw ConfigError(fmt::format("{}: {}", at(mark).text(), what));
  }

  void open(Value value, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (!stack_.empty() && stack_.back().value.is_map() && !stack_.back().entry)
      fail(mark, "a key must be a plain name (or a bracket is not closed)");
    stack_.push_back({std::move(value), mark, anchor, {}});
  }

  void close() {
    Level level = std::move(stack_.back());
    stack_.pop_back();
    add(std::move(level.value), level.mark, level.anchor);
  }

  void add(Value value, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (++nodes_ > kMaxNodes) fail(mark, "too many values (aliases of aliases?)");
    value.place = at(mark);
    if (anchor != 0) anchors_[anchor] = value;
    if (stack_.empty()) {
      root_ = std::move(value);
      has_root_ = true;
    } else if (Level& top = stack_.back(); top.value.is(Value::Kind::list)) {
      top.value.list().push_back(std::move(value));
    } else if (!top.entry) {
      start_entry(top, value, mark);
    } else {
      top.entry->value = std::move(value);
      top.value.map().push_back(std::move(*top.entry));
      top.entry.reset();
    }
  }

  void start_entry(Level& level, const Value& key, const YAML::Mark& mark) {
    if (key.is(Value::Kind::list) || key.is_map())
      fail(mark, "a key must be a plain name (or a bracket is not closed)");
    if (level.value.map().size() >= kMaxKeys) fail(mark, fmt::format("a map of more than {} keys", kMaxKeys));
    if (const auto& map = level.value.map(); level.value.find(key.spelling)) {
      auto first = std::find_if(map.begin(), map.end(), [&](const Entry& e) { return e.key == key.spelling; });
      fail(mark, fmt::format("{} is given twice (first at {})", key.spelling, first->place.text()));
    }
    level.entry = Entry{key.spelling, key.place, {}};
  }

  Place base_;
  Value root_;
  bool has_root_ = false;
  size_t nodes_ = 0;
  std::vector<Level> stack_;
  std::map<YAML::anchor_t, Value> anchors_;
};

Value parse(std::string_view text, const Place& base) {
  std::istringstream stream{std::string(text)};
  Builder builder(base);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return Value();
    Value root = builder.take();
    Builder second(base);
    if (parser.HandleNextDocument(second)) {
      throw ConfigError(
          fmt::format("{}: a second document: one file holds one configuration", base.origin ? *base.origin : ""));
    }
    return root;
  } catch (const YAML::Exception& error) {
    Place place =
        base.line < 0 ? Place{base.origin, 0, 0} : Place{base.origin, error.mark.line + 1, error.mark.column + 1};
    throw ConfigError(fmt::format("{}: not valid YAML: {}", place.text(), error.msg));
  }
}

}  // namespace

Value parse_yaml(std::string_view text, std::string_view origin) {
  return parse(text, Place{std::make_shared<const std::string>(origin), 1, 1});
}

Value read_yaml(const std::string& path) { return parse_yaml(read_file(path, FileRole::config), path); }

Value parse_yaml_value(std::string_view text, const Place& place) {
  Value value = parse(text, Place{place.origin, -1, 0});
  value.place = place;
  return value;
}

}  // namespace loongforge::config
