// SPDX-License-Identifier: MIT
#include "backend/dns/soa.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace sdns::dns {
namespace {

// Takes the next word off the front; empty after the last one.
std::string_view next_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return word;
}

}  // namespace

std::string Soa::text() const {
  return fmt::format("{} {} {} {} {} {} {}", primary, mailbox, serial, refresh, retry, expire, minimum);
}

std::optional<Soa> read_soa(std::string_view content) {
  Soa soa;
  soa.primary = next_word(content);
  soa.mailbox = next_word(content);
  for (std::uint32_t* number : {&soa.serial, &soa.refresh, &soa.retry, &soa.expire, &soa.minimum}) {
    const std::string_view word = next_word(content);
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), *number);
    if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  }
  if (!next_word(content).empty()) return std::nullopt;
  return soa;
}

}  // namespace sdns::dns
