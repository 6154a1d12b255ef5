// SPDX-License-Identifier: MIT
#include "backend/dns/token.h"

#include <array>
#include <cstdint>

namespace sdns::dns {
namespace {

enum : std::uint8_t { kPlain, kBlank, kEnds };

// kBlank: between words. kEnds: ends a word or needs a closer look.
constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (const char c : {' ', '\t', '\r'}) classes[static_cast<unsigned char>(c)] = kBlank;
  for (const char c : {'\n', ';', '(', ')', '"', '\\', '\0'}) classes[static_cast<unsigned char>(c)] = kEnds;
  return classes;
}
constexpr auto kClasses = make_classes();

std::uint8_t class_of(char c) { return kClasses[static_cast<unsigned char>(c)]; }

}  // namespace

std::string_view describe(TokenFault fault) {
  switch (fault) {
    case TokenFault::kOpenQuote:
      return "the quoted string does not end on its line (RFC 1035 section 5.1)";
    case TokenFault::kUnmatchedClose:
      return "there is a \")\" without its \"(\" (RFC 1035 section 5.1)";
    case TokenFault::kOpenParenthesis:
      return "the \"(\" is never closed (RFC 1035 section 5.1)";
    case TokenFault::kNul:
      return "there is an octet 0x00: this is not a text file";
    case TokenFault::kBackslashAtEnd:
      return "there is a \\ at the end of the line (RFC 1035 section 5.1)";
    case TokenFault::kNone:
      break;
  }
  return "";
}

Tokenizer::Step Tokenizer::fail(TokenFault fault) {
  fault_ = fault;
  return Step::kFault;
}

Tokenizer::Step Tokenizer::next(Token& token) {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (class_of(c) == kBlank) {
      ++at_;
      continue;
    }
    switch (c) {
      case '\n':
        ++at_;
        ++line_;
        if (depth_ == 0) return Step::kEndOfEntry;
        break;
      case ';': {
        const std::size_t end = text_.find('\n', at_);
        at_ = end == std::string_view::npos ? text_.size() : end;
        break;
      }
      case '(':
        ++depth_;
        ++at_;
        break;
      case ')':
        if (depth_ == 0) return fail(TokenFault::kUnmatchedClose);
        --depth_;
        ++at_;
        break;
      case '"':
        return quoted(token);
      default:
        return word(token);
    }
  }
  if (depth_ > 0) return fail(TokenFault::kOpenParenthesis);
  return Step::kEndOfText;
}

Tokenizer::Step Tokenizer::quoted(Token& token) {
  const std::size_t start = ++at_;
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '"') {
      token = Token{text_.substr(start, at_ - start), true};
      ++at_;
      return Step::kToken;
    }
    if (c == '\0') return fail(TokenFault::kNul);
    if (c == '\n' && !lines_) break;
    if (c == '\\') {
      ++at_;
      if (at_ >= text_.size() || (text_[at_] == '\n' && !lines_)) break;
      if (text_[at_] == '\0') return fail(TokenFault::kNul);
    }
  }
  return fail(TokenFault::kOpenQuote);
}

Tokenizer::Step Tokenizer::word(Token& token) {
  const std::size_t start = at_;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    const std::uint8_t kind = class_of(c);
    if (kind == kPlain) {
      ++at_;
      continue;
    }
    if (c == '\0') return fail(TokenFault::kNul);
    if (c == '\\') {
      ++at_;
      if (at_ >= text_.size() || text_[at_] == '\n' || text_[at_] == '\r') return fail(TokenFault::kBackslashAtEnd);
      if (text_[at_] == '\0') return fail(TokenFault::kNul);
      ++at_;
      continue;
    }
    if (c == '"' && join_ && at_ > start && text_[at_ - 1] == '=') {
      Token inner;
      if (const Step step = quoted(inner); step != Step::kToken) return step;
      continue;
    }
    break;
  }
  token = Token{text_.substr(start, at_ - start), false};
  return Step::kToken;
}

void Tokenizer::skip_line() {
  depth_ = 0;
  const std::size_t end = text_.find('\n', at_);
  if (end == std::string_view::npos) {
    at_ = text_.size();
    return;
  }
  at_ = end + 1;
  ++line_;
}

}  // namespace sdns::dns
