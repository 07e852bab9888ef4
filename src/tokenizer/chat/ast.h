// SPDX-License-Identifier: Apache-2.0
// A parsed template. Names are numbers in `Template::names`.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/chat/value.h"

namespace loongforge::tokenizer::jinja {

enum class ExprKind : uint8_t {
  constant, name, tuple, list, dict, attribute, item, slice, call, filter, test, logical_not, logical_and,
  logical_or, negative, positive, binary, comparison, concat, conditional
};
enum class Op : uint8_t { add, sub, mul, div, floor_div, mod, pow, eq, ne, lt, le, gt, ge, in, not_in };

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

/// What stands between the parentheses of a call.
struct CallArgs {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star, star_star;
};

/// Children by kind: attribute, item, call, filter, test: [0] is what they apply to (null for a filter block);
/// slice: start, stop, step (each may be null); dict: key, value, key, value, …; conditional: test, then, else (may be
/// null); comparison: the operands, with `ops` between them.
struct Expr {
  ExprKind kind = ExprKind::constant;
  Op op = Op::add;
  int line = 1;
  int id = -1;  // of a name
  Value constant;
  std::string text;  // attribute, filter, test
  std::vector<ExprPtr> kids;
  std::vector<Op> ops;
  CallArgs args;
};

enum class StmtKind : uint8_t {
  text, output, loop, branch, set, set_block, macro, call, filter, with, scope, generation, leave, next
};

struct Stmt;
using Block = std::vector<std::unique_ptr<Stmt>>;

/// A place to assign to: a name, an attribute of a namespace, or several of them.
struct Target {
  int id = -1;
  int line = 1;
  std::string attribute;
  bool is_tuple = false;
  std::vector<Target> parts;
};

struct Param {
  int id = -1;
  ExprPtr value;  // null: none given
};

/// Of a macro, or of the body of a call block (`name` empty).
struct MacroCode {
  std::string name;
  int id = -1;
  std::vector<Param> params;
  Block body;
  bool uses_caller = false, uses_varargs = false, uses_kwargs = false;
};

/// By kind. text: `text`. output: `exprs`. loop: target, exprs[0] in, exprs[1] filter (may be null), body, other.
/// branch: exprs[i] → blocks[i], else `other`. set: target, exprs[0]. set_block: target, exprs[0] filter or null, body.
/// macro: code. call: exprs[0] a call, code. filter: exprs[0], body. with: targets, exprs, body.
struct Stmt {
  StmtKind kind = StmtKind::text;
  int line = 1;
  bool recursive = false;
  std::string text;
  Target target;
  std::vector<Target> targets;
  std::vector<ExprPtr> exprs;
  std::vector<Block> blocks;
  Block body, other;
  std::unique_ptr<MacroCode> code;
};

struct Program {
  Block body;
  std::vector<std::string> names;
  bool has_generation = false;
};

/// Parses a whole template; SyntaxError (lexer.h).
Program parse(std::string_view source);

}  // namespace loongforge::tokenizer::jinja
