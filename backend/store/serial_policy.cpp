// SPDX-License-Identifier: MIT
#include "backend/store/serial_policy.h"

#include <charconv>
#include <chrono>

#include "backend/dns/serial.h"

namespace sdns::store {
namespace {

// The third field: after the names of the primary and of the mailbox.
std::optional<std::pair<std::size_t, std::size_t>> serial_field(std::string_view content) {
  std::size_t at = 0;
  for (int skipped = 0; skipped < 2; ++skipped) {
    at = content.find(' ', at);
    if (at == std::string_view::npos) return std::nullopt;
    at = content.find_first_not_of(' ', at);
    if (at == std::string_view::npos) return std::nullopt;
  }
  return std::pair(at, std::min(content.find(' ', at), content.size()) - at);
}

}  // namespace

std::uint32_t next_serial(SerialPolicy policy, std::uint32_t old, WallTime now) {
  if (policy == SerialPolicy::kKeep) return old;
  if (policy == SerialPolicy::kDate) {
    const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(now));
    const std::uint32_t today = (static_cast<std::uint32_t>(static_cast<int>(day.year())) * 10'000U +
                                 static_cast<unsigned>(day.month()) * 100U + static_cast<unsigned>(day.day())) *
                                100U;
    if (dns::Serial{today} > dns::Serial{old}) return today;
  }
  return old + 1 == 0 ? 1 : old + 1;
}

std::optional<std::uint32_t> soa_serial(std::string_view content) {
  const auto field = serial_field(content);
  if (!field) return std::nullopt;
  std::uint32_t serial = 0;
  const char* end = content.data() + field->first + field->second;
  const auto [stop, error] = std::from_chars(content.data() + field->first, end, serial);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return serial;
}

std::string with_soa_serial(std::string_view content, std::uint32_t serial) {
  const auto field = serial_field(content);
  std::string text(content);
  if (field) text.replace(field->first, field->second, std::to_string(serial));
  return text;
}

}  // namespace sdns::store
