// SPDX-License-Identifier: MIT
#include "lua/evaluation.h"

namespace sdns::lua {
namespace {

void add_missing(const std::vector<std::string>& from, std::vector<std::string>& to) {
  for (const std::string& text : from)
    if (std::find(to.begin(), to.end(), text) == to.end()) to.push_back(text);
}

}  // namespace

void Evidence::merge(const Evidence& other) {
  if (other.client) on_client(other.bits);
  chance |= other.chance;
  query_name |= other.query_name;
  places |= other.places;
  add_missing(other.checks, checks);
  add_missing(other.pools, pools);
  add_missing(other.includes, includes);
  add_missing(other.names, names);
}

void Evidence::clear() {
  client = chance = query_name = places = false;
  bits = 0;
  checks.clear();
  pools.clear();
  includes.clear();
  names.clear();
}

void Values::clear() {
  failure = Failure::kNone;
  error.clear();
  contents.clear();
  evidence.clear();
  log.clear();
}

}  // namespace sdns::lua
