// SPDX-License-Identifier: MIT
// Tests that take all descriptors away.
#pragma once

namespace sdns::test {

/// UBSan opens a pipe to see whether an object's memory can be read before it looks at its type, and reports an error
/// when it cannot: a test without descriptors would see UBSan fail, not us. Such tests are skipped in the build with
/// ASan+UBSan, and run in the plain one and in that with TSan; `tests/run` names them among what it left out.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kNeedsDescriptors = true;
#else
inline constexpr bool kNeedsDescriptors = false;
#endif
inline constexpr const char* kWhyDescriptors = "UBSan needs a descriptor to look at a type; the plain build runs this";

}  // namespace sdns::test
