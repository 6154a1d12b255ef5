// SPDX-License-Identifier: MIT
// What can go wrong outside of the program, and how it is said.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace sdns {

/// What kind of failure: what a program decides by. People read Error::what and Error::hint.
enum class Errc {
  kInvalidArgument,  ///< a value that a person or a peer gave is not acceptable
  kInvalidName,      ///< not a domain name
  kInvalidRecord,    ///< RDATA that does not parse or break a rule of its type
  kInvalidZone,      ///< a zone, or an edit of it, that breaks a rule which spans records
  kNotFound,
  kExists,
  kConflict,     ///< somebody else changed it first
  kBusy,         ///< locked by another for longer than we wait; trying again is right
  kUnavailable,  ///< a peer or file that is not there now
  kTimeout,
  kIo,
  kNoSpace,
  kReadOnly,
  kCorrupt,   ///< a file or database that is damaged
  kForeign,   ///< a file or database that is not ours, or not the one meant
  kTooNew,    ///< written by a newer version of the program
  kDiverged,  ///< history went back or sideways (P4)
  kProtocol,  ///< a peer broke its protocol
  kPermission,
  kUnsupported,
  kConfig,
};

struct Error {
  Errc code;
  std::string what;  ///< names the object, the value and the rule
  std::string hint;  ///< what happens now and what to do; may be empty
};

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, std::string what, std::string hint = {}) {
  return tl::unexpected<Error>(Error{code, std::move(what), std::move(hint)});
}
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// One line for people: "what; hint".
[[nodiscard]] inline std::string to_text(const Error& error) {
  return error.hint.empty() ? error.what : error.what + "; " + error.hint;
}

}  // namespace sdns
