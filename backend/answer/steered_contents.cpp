// SPDX-License-Identifier: MIT
#include "backend/answer/steered_contents.h"

#include <fmt/format.h>

#include "backend/dns/ldns_codec.h"
#include "backend/dns/rdata_text.h"

namespace sdns::answer {
namespace {

constexpr std::size_t kMostContents = 20'000;
constexpr std::size_t kLongestRemembered = 512;  // octets

// Between the quotes that stand around a TXT value a `"` ends one string, and blanks and another `"` begin the next.
bool quotes_match(std::string_view value) {
  for (std::size_t at = 0; at < value.size(); ++at) {
    if (value[at] == '\\') {
      ++at;
    } else if (value[at] == '"') {
      const std::size_t next = value.find_first_not_of(" \t", at + 1);
      if (next == at + 1 || next == std::string_view::npos || value[next] != '"') return false;
      at = next;
    }
  }
  return true;
}

}  // namespace

const std::string* SteeredContents::of(dns::RrType type, std::string_view value, std::string& why) {
  text_.assign(reinterpret_cast<const char*>(&type.value), sizeof type.value).append(value);
  if (const auto found = known_.find(text_); found != known_.end()) return &found->second;
  if (type == dns::kTXT && !quotes_match(value)) {
    why = fmt::format("\"{}\" has a quote that neither ends nor begins a string", dns::printable(value.substr(0, 200)));
    return nullptr;
  }
  const auto content = type == dns::kTXT ? dns::canonical_content(type, fmt::format("\"{}\"", value), dns::Name{})
                                         : dns::canonical_content(type, value, dns::Name{});
  if (!content) {
    why = fmt::format("\"{}\" is no content of {} records: {}", dns::printable(value.substr(0, 200)), type.text(),
                      content.error().what);
    return nullptr;
  }
  if (content->size() > kLongestRemembered) {
    text_ = *content;
    return &text_;
  }
  if (known_.size() >= kMostContents) known_.clear();
  return &known_.emplace(text_, *content).first->second;
}

}  // namespace sdns::answer
