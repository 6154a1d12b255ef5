// SPDX-License-Identifier: MIT
#include "lua/evaluation.h"

#include <fmt/format.h>

#include <algorithm>

namespace sdns::lua {
namespace {

constexpr std::size_t kFew = 64;

void add(const std::vector<std::string>& from, std::vector<std::string>& to) {
  for (const std::string& text : from)
    if (to.size() > kFew || std::find(to.begin(), to.end(), text) == to.end()) to.push_back(text);
}

void remove_duplicates(std::vector<std::string>& texts) {
  if (texts.size() <= kFew) return;  // there are none
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
}

}  // namespace

void Evidence::merge(const Evidence& other) {
  if (other.client) on_client(other.bits);
  chance |= other.chance;
  query_name |= other.query_name;
  places |= other.places;
  weights |= other.weights;
  if (other.planned) on_ttl_step(other.ttl_step);
  add(other.checks, checks);
  add(other.pools, pools);
  add(other.includes, includes);
  add(other.names, names);
}

void Evidence::settle() {
  for (std::vector<std::string>* texts : {&checks, &pools, &includes, &names}) remove_duplicates(*texts);
}

void Evidence::clear() {
  client = chance = query_name = places = weights = planned = false;
  bits = ttl_step = 0;
  checks.clear();
  pools.clear();
  includes.clear();
  names.clear();
}

bool Trace::takes_step() {
  if (steps.size() < kMostSteps) return true;
  ++more_steps;
  return false;
}

void Trace::add(std::string_view where, std::string_view candidate, bool kept, std::string_view why) {
  if (!takes_step()) return;
  steps.push_back({std::string(where), std::string(candidate.substr(0, kMostOctets)), kept,
                   std::string(why.substr(0, kMostOctets))});
}

void Trace::note(std::string_view text) {
  if (notes.size() < kMostNotes) notes.emplace_back(text.substr(0, kMostOctets));
  else ++more_notes;
}

void Trace::finish() {
  if (more_steps > 0) {
    steps.resize(kMostSteps);
    steps.push_back({.where = {}, .candidate = fmt::format("and {} more", more_steps), .kept = false, .why = {}});
  }
  if (more_notes > 0) {
    notes.resize(kMostNotes);
    notes.push_back(fmt::format("and {} more", more_notes));
  }
}

void Values::clear() {
  failure = Failure::kNone;
  error.clear();
  contents.clear();
  evidence.clear();
  log.clear();
}

}  // namespace sdns::lua
