// SPDX-License-Identifier: MIT
// Text that is wiped when it is let go of, and credentials made of it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "registrars/fault.h"

namespace sdns::registrars {

/// Overwrites the text, capacity included.
void wipe(std::string& text);

/// A copy of a secret text, wiped by the destructor. Handle: moved, never copied, never printed.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text);
  Secret(Secret&& other) noexcept : octets_(std::move(other.octets_)), size_(std::exchange(other.size_, 0)) {}
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  [[nodiscard]] std::string_view view() const { return {octets_.get(), size_}; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  std::unique_ptr<char[]> octets_;
  std::size_t size_ = 0;
};

/// The parts of a credential string, in its order. The forms, by registrar:
///   cloudflare `TOKEN`; namecheap `apiUser:apiKey:clientIp` or `apiUser:apiKey:userName:clientIp`; godaddy
///   `KEY:SECRET` or `PAT`; ovh `appKey:appSecret:consumerKey`, then optionally `:eu`, `:ca` or `:us`; dynadot `KEY` or
///   `KEY:SECRET`.
/// Outer white space goes; empty parts, other numbers of parts and characters that no header may have are refused.
/// `KEY:SECRET` is cut at its first colon. Error: kInvalidToken, which says the form and nothing of the text.
Answer<std::vector<Secret>> split_credential(std::string_view registrar, std::string_view text);

/// Replaces every occurrence of a part of at least four characters by `***`.
[[nodiscard]] std::string masked(std::string text, const std::vector<Secret>& parts);

}  // namespace sdns::registrars
