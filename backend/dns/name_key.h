// SPDX-License-Identifier: MIT
// Whether a text from outside is the key of a name.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace sdns::dns {

/// The octets on the wire of the labels of a key (see Name::key), without the root's; nothing when Name::key() never
/// gives such a text. A name's own are at most 254.
[[nodiscard]] std::optional<std::size_t> key_wire_octets(std::string_view key);

}  // namespace sdns::dns
