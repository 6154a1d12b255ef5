// SPDX-License-Identifier: MIT
#include "backend/store/serial_policy.h"

#include <algorithm>
#include <chrono>

#include "backend/dns/serial.h"
#include "backend/dns/soa.h"

namespace sdns::store {
namespace {

// YYYYMMDD00.
std::uint32_t date_serial(std::chrono::sys_days date) {
  const std::chrono::year_month_day day(date);
  return (static_cast<std::uint32_t>(static_cast<int>(day.year())) * 10'000U +
          static_cast<unsigned>(day.month()) * 100U + static_cast<unsigned>(day.day())) *
         100U;
}

std::chrono::sys_days week_start(WallTime now) {
  const auto today = std::chrono::floor<std::chrono::days>(now);
  return today - today.time_since_epoch() % std::chrono::days(7);  // the epoch was a Thursday
}

}  // namespace

std::uint32_t next_serial(SerialPolicy policy, std::uint32_t old, WallTime now) {
  if (policy == SerialPolicy::kKeep) return old;
  if (policy == SerialPolicy::kDate) {
    const std::uint32_t today = date_serial(std::chrono::floor<std::chrono::days>(now));
    if (dns::Serial{today} > dns::Serial{old}) return today;
  }
  return old + 1 == 0 ? 1 : old + 1;
}

std::uint32_t served_serial(std::string_view soa_edit, std::uint32_t stored, WallTime now) {
  if (soa_edit == "INCEPTION-EPOCH")
    return std::max(stored,
                    static_cast<std::uint32_t>(std::chrono::sys_seconds(week_start(now)).time_since_epoch().count()));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  if (soa_edit == "EPOCH") return static_cast<std::uint32_t>(seconds);
  if (soa_edit == "INCREMENT-WEEKS") return stored + static_cast<std::uint32_t>(seconds / (7 * 86'400));
  if (soa_edit != "INCEPTION-INCREMENT") return stored;
  // Numbers 00 and 01 of the first day are left to changes of signatures, and two more days are counted one higher.
  const std::uint32_t first = date_serial(week_start(now));
  if (stored < first) return first + 1;
  if (stored == first) return first + 2;
  return stored <= date_serial(week_start(now) + std::chrono::days(2)) + 99 ? stored + 1 : stored;
}

std::uint32_t next_serial(SerialPolicy policy, std::string_view soa_edit, std::uint32_t old, WallTime now) {
  std::uint32_t next = next_serial(policy, old, now);
  if (policy == SerialPolicy::kKeep || !soa_edit.starts_with("INCEPTION-")) return next;
  const dns::Serial shown{served_serial(soa_edit, old, now)};
  // PowerDNS compares plain numbers: a lower serial is shown as the week's, and the next must pass that.
  if (const std::uint32_t now_shown = served_serial(soa_edit, next, now); now_shown > next + 2) next = now_shown;
  // Two steps are enough, unless the week itself is behind what is shown (from 2038 on, past a wrap).
  for (int step = 0; step < 4 && !(dns::Serial{served_serial(soa_edit, next, now)} > shown); ++step) ++next;
  return next;
}

std::optional<std::uint32_t> soa_serial(std::string_view content) {
  const auto soa = dns::read_soa(content);
  return soa ? std::optional(soa->serial) : std::nullopt;
}

std::string with_soa_serial(std::string_view content, std::uint32_t serial) {
  auto soa = dns::read_soa(content);
  if (!soa) return std::string(content);
  soa->serial = serial;
  return soa->text();
}

}  // namespace sdns::store
