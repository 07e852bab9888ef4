// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/interpolate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "loongforge/core/text.h"

namespace loongforge::config {
namespace {

/// One piece of a string: literal text, or the inside of `${…}`.
struct Piece {
  bool reference;
  std::string text;
};

std::optional<std::vector<Piece>> pieces_of(std::string_view text) {
  std::vector<Piece> pieces;
  std::string literal;
  for (size_t i = 0; i < text.size();) {
    if (text.substr(i).starts_with("$${")) {
      literal += "${";
      i += 3;
    } else if (text.substr(i).starts_with("${")) {
      size_t end = text.find('}', i);
      if (end == text.npos) return std::nullopt;
      if (!literal.empty()) pieces.push_back({false, std::move(literal)});
      literal.clear();
      pieces.push_back({true, std::string(trim(text.substr(i + 2, end - i - 2)))});
      i = end + 1;
    } else {
      literal += text[i++];
    }
  }
  if (!literal.empty()) pieces.push_back({false, std::move(literal)});
  return pieces;
}

// Only called on text without `${`: what must be written so that it reads back.
std::string escaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("${")) out += '$';
    out += text[i];
  }
  return out;
}

std::string scalar_text(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null: return "null";
    case Value::Kind::boolean: return value.as_bool() ? "true" : "false";
    case Value::Kind::string: return value.as_string();
    case Value::Kind::integer: return value.spelling.empty() ? std::to_string(value.as_int()) : value.spelling;
    default: return value.spelling.empty() ? fmt::format("{}", value.as_real()) : value.spelling;
  }
}

class Interpolator {
 public:
  Interpolator(Value& root, Problems& problems, const Environment& environment)
      : root_(root), problems_(problems), environment_(environment) {}

  void visit(Value& value) {
    if (value.is_map()) {
      for (Entry& entry : value.map()) visit(entry.value);
    } else if (value.is(Value::Kind::list)) {
      for (Value& item : value.list()) visit(item);
    } else if (value.is(Value::Kind::string) && value.as_string().find("${") != std::string::npos) {
      resolve(value);
    }
  }

 private:
  void resolve(Value& value) {
    if (std::find(done_.begin(), done_.end(), &value) != done_.end()) return;
    if (std::find(open_.begin(), open_.end(), &value) != open_.end()) {
      problems_.add(value.place, fmt::format("{} refers to itself", value.as_string()));
      done_.push_back(&value);
      return;
    }
    auto pieces = pieces_of(value.as_string());
    if (!pieces) {
      problems_.add(value.place, fmt::format("{} has `${{` without `}}`", value.as_string()));
      return;
    }
    open_.push_back(&value);
    Place place = value.place;
    std::string original = value.as_string();
    Value result = pieces->size() == 1 && pieces->front().reference ? target(pieces->front().text, value)
                                                                     : spliced(*pieces, value);
    open_.pop_back();
    value = std::move(result);
    value.place = place;
    done_.push_back(&value);
  }

  Value spliced(const std::vector<Piece>& pieces, const Value& where) {
    std::string text, unexpanded;
    bool from_environment = false;
    for (const Piece& piece : pieces) {
      Value part = piece.reference ? target(piece.text, where) : Value(piece.text);
      if (part.is_map() || part.is(Value::Kind::list)) {
        problems_.add(where.place, fmt::format("${{{}}} is {}; inside a longer text it must be a plain value",
                                               piece.text, part.kind_name()));
        continue;
      }
      text += scalar_text(part);
      from_environment |= !part.unexpanded.empty();
      unexpanded += part.unexpanded.empty() ? escaped(scalar_text(part)) : part.unexpanded;
    }
    Value result(text);
    result.quoted = true;
    if (from_environment) result.unexpanded = unexpanded;
    return result;
  }

  Value target(const std::string& reference, const Value& where) {
    if (reference.starts_with("env:")) return from_environment(reference, where);
    Value* found = const_cast<Value*>(root_.at_path(reference));
    if (!found) {
      problems_.add(where.place, fmt::format("${{{}}}: there is no {} in this configuration", reference, reference));
      return Value();
    }
    // A map that holds the reference itself would grow for ever.
    if (contains(*found, &where) && found != &where) {
      problems_.add(where.place, fmt::format("${{{}}} refers to a part that contains it", reference));
      return Value();
    }
    visit(*found);
    return *found;
  }

  static bool contains(const Value& tree, const Value* node) {
    if (&tree == node) return true;
    if (tree.is_map()) {
      return std::any_of(tree.map().begin(), tree.map().end(), [&](const Entry& e) { return contains(e.value, node); });
    }
    if (!tree.is(Value::Kind::list)) return false;
    return std::any_of(tree.list().begin(), tree.list().end(), [&](const Value& v) { return contains(v, node); });
  }

  Value from_environment(const std::string& reference, const Value& where) {
    std::string body = reference.substr(4);
    size_t comma = body.find(',');
    std::string name(trim(std::string_view(body).substr(0, comma)));
    std::optional<std::string> text = environment_(name);
    if (!text && comma != body.npos) text = std::string(trim(std::string_view(body).substr(comma + 1)));
    if (!text) {
      problems_.add(where.place,
                    fmt::format("the environment variable {0} is not set (a default: ${{env:{0},value}})", name));
      return Value();
    }
    Value value = parse_environment(*text, where.place);
    value.unexpanded = fmt::format("${{{}}}", reference);
    return value;
  }

  // Scalars only: text of the environment that looks like a list or is no YAML stays a string.
  static Value parse_environment(const std::string& text, const Place& place) {
    constexpr std::string_view kSpecial = "[{*&!|>%@`#'\"";
    if (text.empty() || kSpecial.find(text[0]) != kSpecial.npos || text.find(": ") != text.npos ||
        text.find('\n') != text.npos || text.find(" #") != text.npos || text.ends_with(':') || text.starts_with("- ")) {
      return Value(text);
    }
    return parse_yaml_value(text, place);
  }

  Value& root_;
  Problems& problems_;
  const Environment& environment_;
  std::vector<const Value*> open_, done_;
};

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* text = std::getenv(name.c_str());
    return text ? std::optional<std::string>(text) : std::nullopt;
  };
}

void interpolate(Value& root, Problems& problems, const Environment& environment) {
  Interpolator(root, problems, environment).visit(root);
}

}  // namespace loongforge::config
