// SPDX-License-Identifier: MIT
#include "backend/health/host_addresses.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "backend/base/owned.h"

namespace sdns::health {

Result<std::vector<dns::IpAddress>> host_addresses() {
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0)
    return fail(Errc::kIo, fmt::format("getifaddrs: {}", std::strerror(errno)),
                "a unit that restricts address families needs AF_NETLINK");
  const Owned<ifaddrs, freeifaddrs> all(found);
  std::vector<dns::IpAddress> addresses;
  const auto add = [&addresses](const auto& octets) {
    addresses.push_back(dns::IpAddress::from_octets({reinterpret_cast<const std::uint8_t*>(&octets), sizeof octets}));
  };
  for (const ifaddrs* one = found; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    if (one->ifa_addr->sa_family == AF_INET) add(reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr);
    if (one->ifa_addr->sa_family == AF_INET6) add(reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr);
  }
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

}  // namespace sdns::health
