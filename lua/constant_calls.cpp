// SPDX-License-Identifier: MIT
#include "lua/constant_calls.h"

#include <algorithm>
#include <iterator>

#include "lua/inspect.h"

namespace sdns::lua {
namespace {

constexpr std::string_view kAsking[] = {"ifportup",         "ifurlup",     "ifurlextup",  "pickrandom",
                                        "pickrandomsample", "pickfirst",   "pickhashed",  "pickclosest",
                                        "pickselfweighted", "all",         "pickwrandom", "pickwhashed",
                                        "picknamehashed",   "pickchashed", "pool"};

bool is_one_of(std::string_view text, std::string_view octets) {
  return text.size() == 1 && octets.find(text[0]) != std::string_view::npos;
}

// Where the call whose `(` is tokens[open] ends: the index of its `)`, or `open` when not all of it is constant.
std::size_t end_of_constants(const std::vector<Token>& tokens, std::size_t open) {
  int depth = 1;
  for (std::size_t at = open + 1; at < tokens.size(); ++at) {
    const Token& token = tokens[at];
    if (token.kind == Token::Kind::kText) continue;
    if (token.kind == Token::Kind::kWord) {
      const bool value = token.text == "true" || token.text == "false" || token.text == "nil";
      const std::string_view before = tokens[at - 1].text;
      const bool key = is_one_of(before, "{,;") && at + 2 < tokens.size() && tokens[at + 1].text == "=" &&
                       tokens[at + 2].text != "=";
      if (!value && !key) return open;
      continue;
    }
    if (is_one_of(token.text, "({[")) ++depth;
    else if (is_one_of(token.text, ")}]")) --depth;
    else if (!is_one_of(token.text, ",;=-.") && !(token.text[0] >= '0' && token.text[0] <= '9')) return open;
    if (depth == 0) return at;
  }
  return open;
}

}  // namespace

std::vector<std::string> constant_calls(std::string_view source) {
  const std::vector<Token> tokens = tokens_of(source);
  std::vector<std::string> calls;
  for (std::size_t at = 0; at + 1 < tokens.size(); ++at) {
    const Token& token = tokens[at];
    if (token.kind != Token::Kind::kWord || tokens[at + 1].text != "(" ||
        std::find(std::begin(kAsking), std::end(kAsking), token.text) == std::end(kAsking))
      continue;
    const std::size_t end = end_of_constants(tokens, at + 1);
    if (end == at + 1) continue;
    std::string call(source.substr(token.start, tokens[end].start + 1 - token.start));
    if (std::find(calls.begin(), calls.end(), call) == calls.end()) calls.push_back(std::move(call));
  }
  return calls;
}

}  // namespace sdns::lua
