// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "tokenizer/chat/parser.h"

namespace loongforge::tokenizer::jinja {
namespace {

using StmtPtr = std::unique_ptr<Stmt>;
constexpr int kMaxBlocks = 100;  // blocks within each other

class Parser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  Program run() {
    Program program;
    program.body = block({});
    program.names = std::move(names_);
    program.has_generation = has_generation_;
    return program;
  }

 private:
  using Ends = std::vector<std::string_view>;

  StmtPtr make_stmt(StmtKind kind) const {
    auto stmt = std::make_unique<Stmt>();
    stmt->kind = kind;
    stmt->line = current().line;
    return stmt;
  }

  // Statements up to a tag named in `ends`, whose name becomes the current token; to the end when there are none.
  Block block(const Ends& ends) {
    if (++blocks_ > kMaxBlocks) fail(fmt::format("more than {} blocks within each other", kMaxBlocks));
    Block body;
    while (!at(TokenKind::end)) {
      if (at(TokenKind::data)) {
        body.push_back(make_stmt(StmtKind::text));
        body.back()->text = current().text;
        advance();
      } else if (at(TokenKind::variable_begin)) {
        body.push_back(make_stmt(StmtKind::output));
        advance();
        body.back()->exprs.push_back(tuple({}));
        expect(TokenKind::variable_end);
      } else {
        advance();  // block_begin
        if (std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return at_name(end); })) {
          --blocks_;
          return body;
        }
        body.push_back(statement());
        expect(TokenKind::block_end);
      }
    }
    if (!ends.empty()) fail(fmt::format("the template ends where {{% {} %}} is missing", ends.back()));
    --blocks_;
    return body;
  }

  // The body of a tag: an optional colon, the tag's end, statements.
  Block body(const Ends& ends) {
    skip_op(":");
    expect(TokenKind::block_end);
    return block(ends);
  }

  Block body_to(std::string_view end) {
    Block result = body({end});
    advance();
    return result;
  }

  // A body that Jinja makes a function of: loops don't reach into it, and unknown filters are errors at once.
  Block function_body(const std::function<Block()>& parse_body) {
    int loops = std::exchange(loops_, 0);
    bool lenient = std::exchange(lenient_, false);
    Block result = parse_body();
    loops_ = loops;
    lenient_ = lenient;
    return result;
  }

  StmtPtr statement() {
    if (!at(TokenKind::name)) unexpected("the name of a tag");
    std::string tag = current().text;
    if (tag == "for") return for_loop();
    if (tag == "if") return branch();
    if (tag == "set") return set();
    if (tag == "macro") return macro();
    if (tag == "call") return call_block();
    if (tag == "filter") return filter_block();
    if (tag == "with") return with();
    if (tag == "generation") return generation();
    if (tag == "print") return print();
    if (tag == "break" || tag == "continue") return leave(tag);
    for (std::string_view other : {"block", "extends", "include", "import", "from", "autoescape"})
      if (tag == other) fail(fmt::format("the tag '{}' is not supported in chat templates", tag));
    fail(fmt::format("unknown tag '{}'", tag));
  }

  StmtPtr leave(const std::string& tag) {
    if (loops_ == 0) fail(fmt::format("'{}' outside of a loop", tag));
    auto stmt = make_stmt(tag == "break" ? StmtKind::leave : StmtKind::next);
    advance();
    return stmt;
  }

  StmtPtr print() {
    auto stmt = make_stmt(StmtKind::output);
    advance();
    while (!at(TokenKind::block_end)) {
      if (!stmt->exprs.empty()) expect_op(",");
      stmt->exprs.push_back(expression());
    }
    return stmt;
  }

  Target one_target(bool with_attribute) {
    Target target;
    target.line = current().line;
    if (skip_op("(")) {
      if (++level_ > kMaxBlocks) fail(fmt::format("more than {} brackets within each other", kMaxBlocks));
      target = targets(with_attribute, {});
      --level_;
      expect_op(")");
      return target;
    }
    if (!at(TokenKind::name)) unexpected("a name to assign to");
    for (std::string_view word : {"true", "True", "false", "False", "none", "None"})
      if (at_name(word)) fail(fmt::format("can't assign to '{}'", word));
    target.id = intern(take_name());
    if (with_attribute && skip_op(".")) target.attribute = take_name();
    return target;
  }

  Target targets(bool with_attribute, std::string_view end) {
    Target result;
    result.line = current().line;
    while (true) {
      if (!result.parts.empty()) expect_op(",");
      if (at(TokenKind::block_end) || at_op(")") || (!end.empty() && at_name(end))) break;
      result.parts.push_back(one_target(with_attribute));
      if (!at_op(",")) break;
      result.is_tuple = true;
    }
    if (result.parts.empty()) unexpected("a name to assign to");
    if (!result.is_tuple) return std::move(result.parts[0]);
    return result;
  }

  StmtPtr for_loop() {
    auto stmt = make_stmt(StmtKind::loop);
    advance();
    stmt->target = targets(false, "in");
    expect_name("in");
    stmt->exprs.push_back(tuple({.conditional = false, .end = "recursive"}));
    stmt->exprs.push_back(skip_name("if") ? expression() : nullptr);
    stmt->recursive = skip_name("recursive");
    ++loops_;
    bool lenient = std::exchange(lenient_, false);
    stmt->body = body({"else", "endfor"});
    --loops_;
    bool has_else = at_name("else");
    advance();
    if (has_else) stmt->other = body_to("endfor");
    lenient_ = lenient;
    return stmt;
  }

  StmtPtr branch() {
    auto stmt = make_stmt(StmtKind::branch);
    bool lenient = std::exchange(lenient_, true);
    advance();
    while (true) {
      stmt->exprs.push_back(tuple({.conditional = false}));
      stmt->blocks.push_back(body({"elif", "else", "endif"}));
      bool again = at_name("elif"), last = at_name("else");
      advance();
      if (again) continue;
      if (last) stmt->other = body_to("endif");
      break;
    }
    lenient_ = lenient;
    return stmt;
  }

  StmtPtr set() {
    auto stmt = make_stmt(StmtKind::set);
    advance();
    stmt->target = targets(true, {});
    if (skip_op("=")) {
      stmt->exprs.push_back(tuple({}));
      return stmt;
    }
    stmt->kind = StmtKind::set_block;
    stmt->exprs.push_back(at_op("|") ? filters(nullptr, false) : nullptr);
    stmt->body = body_to("endset");
    return stmt;
  }

  void signature(MacroCode& code) {
    expect_op("(");
    bool defaults = false;
    while (!at_op(")")) {
      if (!code.params.empty()) expect_op(",");
      Param param;
      param.id = one_target(false).id;
      if (skip_op("=")) {
        param.value = expression();
        defaults = true;
      } else if (defaults) {
        fail("a parameter without a default follows one with a default");
      }
      code.params.push_back(std::move(param));
    }
    expect_op(")");
  }

  // Reads the body and notes which of the special names it mentions.
  void macro_body(MacroCode& code, std::string_view end) {
    size_t begin = position_;
    code.body = function_body([&] { return body_to(end); });
    auto mentions = [&](std::string_view name) {
      bool is_param = std::any_of(code.params.begin(), code.params.end(),
                                  [&](const Param& param) { return names_[static_cast<size_t>(param.id)] == name; });
      return !is_param && std::any_of(tokens_.begin() + static_cast<ptrdiff_t>(begin),
                                      tokens_.begin() + static_cast<ptrdiff_t>(position_), [&](const Token& token) {
                                        return token.kind == TokenKind::name && token.text == name;
                                      });
    };
    code.uses_caller = mentions("caller");
    code.uses_varargs = mentions("varargs");
    code.uses_kwargs = mentions("kwargs");
  }

  StmtPtr macro() {
    auto stmt = make_stmt(StmtKind::macro);
    advance();
    stmt->code = std::make_unique<MacroCode>();
    stmt->code->id = one_target(false).id;
    stmt->code->name = names_[static_cast<size_t>(stmt->code->id)];
    signature(*stmt->code);
    macro_body(*stmt->code, "endmacro");
    return stmt;
  }

  StmtPtr call_block() {
    auto stmt = make_stmt(StmtKind::call);
    advance();
    stmt->code = std::make_unique<MacroCode>();
    if (at_op("(")) signature(*stmt->code);
    stmt->exprs.push_back(expression());
    if (stmt->exprs[0]->kind != ExprKind::call) fail("the call block needs a call");
    macro_body(*stmt->code, "endcall");
    return stmt;
  }

  StmtPtr filter_block() {
    auto stmt = make_stmt(StmtKind::filter);
    advance();
    stmt->exprs.push_back(filters(nullptr, true));
    stmt->body = body_to("endfilter");
    return stmt;
  }

  StmtPtr with() {
    auto stmt = make_stmt(StmtKind::with);
    advance();
    while (!at(TokenKind::block_end)) {
      if (!stmt->targets.empty()) expect_op(",");
      stmt->targets.push_back(one_target(false));
      expect_op("=");
      stmt->exprs.push_back(expression());
    }
    stmt->body = body_to("endwith");
    return stmt;
  }

  StmtPtr generation() {
    auto stmt = make_stmt(StmtKind::generation);
    advance();
    has_generation_ = true;
    stmt->body = function_body([&] { return body_to("endgeneration"); });
    return stmt;
  }

  int blocks_ = 0, loops_ = 0;
  bool has_generation_ = false;
};

}  // namespace

Program parse(std::string_view source) { return Parser(tokenize(source)).run(); }

}  // namespace loongforge::tokenizer::jinja
