// SPDX-License-Identifier: MIT
// What the kernel is told about a process that carries private keys (P9) and thousands of connections.
#pragma once

#include <cstddef>

namespace sdns::daemon {

/// No core dumps, not attachable by other processes of the same user. Once per process: exec undoes half of it.
void forbid_core_dumps();

/// Raises the limit of open files to what is allowed; returns it.
std::size_t raise_descriptor_limit();

}  // namespace sdns::daemon
