// SPDX-License-Identifier: MIT
// Where a registrar's API is, and what else an operator may say of it.
#pragma once

#include <string>

namespace sdns::registrars {

struct Settings {
  std::string base_url{};  ///< empty: the production API of the registrar
  bool sandbox = false;    ///< the registrar's own test environment, where it has one
  std::string shopper{};   ///< GoDaddy: the reseller's sub-account, which chooses API v2
};

}  // namespace sdns::registrars
