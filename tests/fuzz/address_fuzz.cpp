// SPDX-License-Identifier: MIT
// The text of a parsed address, network or endpoint's address parses to the same; what is strictly an address is one to
// the lenient parser too, and the lenient parser says when it was lenient.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "backend/dns/ip.h"

namespace {

using namespace sdns::dns;

void require(bool holds, const char* property, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "%s: %.*s\n", property, static_cast<int>(text.size()), text.data());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto address = IpAddress::parse(text);
  const auto endpoint = Endpoint::parse(text);
  const auto network = IpNetwork::parse(text);
  if (address) {
    const auto again = IpAddress::parse(address->text());
    require(again && *again == *address, "an address changes by being written", text);
    require(endpoint && *endpoint == Endpoint{*address, 0, false}, "an address is another to the lenient parser", text);
    require(network && *network == IpNetwork{*address, address->bits()}, "an address is no network", text);
  } else {
    require(!address.error().what.empty(), "an error says nothing", text);
  }
  if (endpoint) {
    const auto again = IpAddress::parse(endpoint->address.text());
    require(again && *again == endpoint->address, "an endpoint's address changes by being written", text);
    const bool bracketed = text.starts_with('[');
    if (!endpoint->lenient && endpoint->port == 0 && !bracketed && text.find(":0") == text.npos)
      require(address.has_value(), "a strict address without a port is no address", text);
  }
  if (network) {
    const auto again = IpNetwork::parse(network->text());
    require(again && *again == *network, "a network changes by being written", text);
    require(network->contains(network->network()) && network->contains(network->address), "a network is not in itself",
            text);
    require(network->address.common_bits(network->network()) >= network->bits, "a network has other bits", text);
  }
  return 0;
}
