// SPDX-License-Identifier: MIT
// The words of a master file entry (RFC 1035 section 5.1), as views into the text.
#pragma once

#include <string_view>

namespace sdns::dns {

/// One word. Escapes are still in `text`; the quotes around a quoted string are not.
struct Token {
  std::string_view text;
  bool quoted = false;
};

enum class TokenFault {
  kNone,
  kOpenQuote,        ///< a quoted string that does not end on its line
  kUnmatchedClose,   ///< `)` without `(`
  kOpenParenthesis,  ///< the text ended inside of parentheses
  kNul,              ///< an octet 0x00
  kBackslashAtEnd,   ///< `\` before the end of a line
};

/// What a reader says about a fault, RFC included.
std::string_view describe(TokenFault fault);

/// Splits a text into entries and their words: comments, parentheses, quotes. Value over a text that outlives it.
class Tokenizer {
 public:
  enum class Step { kToken, kEndOfEntry, kEndOfText, kFault };

  explicit Tokenizer(std::string_view text, int first_line = 1) : text_(text), line_(first_line) {}

  /// kToken: `token` was read. kEndOfEntry: the line ended outside of parentheses. After kFault call skip_line().
  Step next(Token& token);

  /// A word such as `alpn="a b"` is one token: SVCB and HTTPS (RFC 9460 section 2.1). Otherwise a quote begins a new
  /// one.
  void join_quoted_values(bool on) { join_ = on; }

  /// A quoted string may go on after the end of a line: LUA content that is no line of a master file.
  void lines_in_quotes(bool on) { lines_ = on; }

  /// Goes to the end of the current line and out of all parentheses.
  void skip_line();

  /// True when the next word would be the first of an entry that begins with a blank: its owner is the last one.
  [[nodiscard]] bool at_blank() const { return at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t'); }
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] int line() const { return line_; }
  [[nodiscard]] TokenFault fault() const { return fault_; }
  [[nodiscard]] std::size_t offset() const { return at_; }

 private:
  Step fail(TokenFault fault);
  Step quoted(Token& token);
  Step word(Token& token);

  std::string_view text_;
  std::size_t at_ = 0;
  int line_;
  int depth_ = 0;
  bool join_ = false;
  bool lines_ = false;
  TokenFault fault_ = TokenFault::kNone;
};

}  // namespace sdns::dns
