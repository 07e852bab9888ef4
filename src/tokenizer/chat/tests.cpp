// SPDX-License-Identifier: Apache-2.0
// Jinja's tests (`is …`).
#include <algorithm>
#include <array>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/parser.h"
#include "tokenizer/chat/print.h"
#include "tokenizer/chat/text.h"

namespace loongforge::tokenizer::jinja {
namespace {

template <Kind... kKinds>
bool is_kind(Interpreter&, const Value& value, const Args& args) {
  Bound bound(args, "the test", {}, 0);
  return ((value.kind() == kKinds) || ...);
}

bool is_defined(Interpreter&, const Value& value, const Args&) { return !value.is_undefined(); }

template <bool kTruth>
bool is_exactly(Interpreter&, const Value& value, const Args&) {
  return value.is(Kind::boolean) && (value.as_integer() != 0) == kTruth;
}

bool is_iterable(Interpreter&, const Value& value, const Args&) {
  return !value.is_number() && !value.is(Kind::none) && !value.is(Kind::macro) && !value.is(Kind::function) &&
         !value.is(Kind::name_space);
}

bool is_sequence(Interpreter&, const Value& value, const Args&) {
  return value.is_sequence() || value.is_text() || value.is(Kind::dict) || value.is_undefined();
}

bool is_callable(Interpreter&, const Value& value, const Args&) {
  return value.is(Kind::macro) || value.is(Kind::function) || value.is(Kind::loop) || value.is_undefined();
}

template <bool kUpper>
bool is_case(Interpreter& interpreter, const Value& value, const Args&) {
  return has_property(to_text(value, interpreter.heap()), kUpper ? "upper" : "lower");
}

bool is_escaped(Interpreter&, const Value& value, const Args&) { return value.markup(); }

template <Op kOp>
bool compares(Interpreter&, const Value& value, const Args& args) {
  Bound bound(args, "the test", {"other"}, 1);
  return compare_operation(kOp, value, bound[0]);
}

bool same_as(Interpreter&, const Value& value, const Args& args) {
  Bound bound(args, "sameas", {"other"}, 1);
  if (value.kind() != bound[0].kind()) return false;
  if (value.is_number() || value.is(Kind::none) || value.is_text()) return equal(value, bound[0]);
  return value.shared() == bound[0].shared();
}

int64_t remainder(Interpreter& interpreter, const Value& value, const Value& by) {
  Value rest = binary_operation(interpreter.heap(), Op::mod, value, by);
  if (!rest.is_number()) fail("the test needs a number, not {}", type_name(value));
  return rest.as_real() == 0 ? 0 : (rest.as_real() == 1 ? 1 : 2);
}

template <int kRest>
bool has_parity(Interpreter& interpreter, const Value& value, const Args&) {
  return remainder(interpreter, value, Value::integer(2)) == kRest;
}

bool is_divisible(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "divisibleby", {"num"}, 1);
  return remainder(interpreter, value, bound[0]) == 0;
}

bool is_filter(Interpreter&, const Value& value, const Args&) { return value.is_text() && known_filter(value.text()); }
bool is_test(Interpreter&, const Value& value, const Args&) { return value.is_text() && known_test(value.text()); }

}  // namespace

Test find_test(std::string_view name) {
  static constexpr std::pair<std::string_view, Test> kTests[] = {
      {"defined", is_defined},
      {"undefined", is_kind<Kind::undefined>},
      {"none", is_kind<Kind::none>},
      {"string", is_kind<Kind::string>},
      {"mapping", is_kind<Kind::dict>},
      {"iterable", is_iterable},
      {"sequence", is_sequence},
      {"boolean", is_kind<Kind::boolean>},
      {"true", is_exactly<true>},
      {"false", is_exactly<false>},
      {"integer", is_kind<Kind::integer>},
      {"float", is_kind<Kind::real>},
      {"number", is_kind<Kind::integer, Kind::boolean, Kind::real>},
      {"callable", is_callable},
      {"lower", is_case<false>},
      {"upper", is_case<true>},
      {"escaped", is_escaped},
      {"sameas", same_as},
      {"odd", has_parity<1>},
      {"even", has_parity<0>},
      {"divisibleby", is_divisible},
      {"in", compares<Op::in>},
      {"eq", compares<Op::eq>},
      {"==", compares<Op::eq>},
      {"equalto", compares<Op::eq>},
      {"ne", compares<Op::ne>},
      {"!=", compares<Op::ne>},
      {"lt", compares<Op::lt>},
      {"<", compares<Op::lt>},
      {"lessthan", compares<Op::lt>},
      {"le", compares<Op::le>},
      {"<=", compares<Op::le>},
      {"gt", compares<Op::gt>},
      {">", compares<Op::gt>},
      {"greaterthan", compares<Op::gt>},
      {"ge", compares<Op::ge>},
      {">=", compares<Op::ge>},
      {"filter", is_filter},
      {"test", is_test},
  };
  for (const auto& [known, body] : kTests)
    if (known == name) return body;
  return nullptr;
}

bool known_filter(std::string_view name) { return find_filter(name) != nullptr; }
bool known_test(std::string_view name) { return find_test(name) != nullptr; }

}  // namespace loongforge::tokenizer::jinja
