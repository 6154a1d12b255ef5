// SPDX-License-Identifier: MIT
#include "lua/choose.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "lua/ask.h"
#include "lua/location_memo.h"
#include "lua/select.h"

namespace sdns::lua {
namespace {

constexpr std::uint64_t kStepsPerArc = 15;  // of the circle: an entry

bool keep_one(const Call& call, std::string_view where, const std::vector<std::size_t>& among, std::size_t at,
              std::string_view how) {
  Scratch& scratch = call.scratch();
  scratch.chosen.assign(1, among[at]);
  if (call.evaluation.trace)
    for (std::size_t i = 0; i < among.size(); ++i)
      if (traces(call)) trace(call, where, among[i], i == at, i == at ? how : "another was chosen");
  return true;
}

std::optional<Coordinates> where_is(const Call& call, const Candidate& candidate) {
  if (candidate.member && candidate.member->latitude && candidate.member->longitude)
    return Coordinates{*candidate.member->latitude, *candidate.member->longitude};
  return call.evaluation.locations->locate(candidate.address).where;
}

bool choose_closest(const Call& call, std::string_view where, const std::vector<std::size_t>& among) {
  Scratch& scratch = call.scratch();
  const Options& options = scratch.options;
  const std::uint64_t per_candidate = cost::kDraw + (options.distance == Distance::kGreatCircle ? 15 : 0);
  if (!read_addresses(call) || !call.spend(cost::kLocation + among.size() * per_candidate)) return false;
  const Geo* geo = call.evaluation.sources->geo;
  const GeoLocation client = call.evaluation.locations->locate(call.evaluation.best());
  if (geo && !geo->empty()) call.evidence().on_client(client.bits);
  const Coordinates from = client.where.value_or(Coordinates{});
  scratch.places.clear();
  // The candidates that take part: all, or those of which it is known where they are.
  auto& order = scratch.closest_among;
  order.clear();
  if (options.unknown_location_last && client.where) {
    for (const std::size_t i : among) {
      if (!call.spend(cost::kPlace)) return false;
      if (where_is(call, scratch.candidates[i])) order.push_back(i);
    }
  }
  if (order.empty()) order = among;
  for (const std::size_t i : order) {
    if (!call.spend(cost::kPlace)) return false;
    scratch.places.push_back(where_is(call, scratch.candidates[i]).value_or(Coordinates{}));
  }
  auto& nearest = scratch.nearest;
  nearest.clear();
  if (options.unknown_location_last && !client.where) {
    for (std::size_t i = 0; i < order.size(); ++i) nearest.push_back(i);
  } else {
    closest(from, scratch.places, options.distance, nearest);
  }
  const std::size_t winner = nearest[call.evaluation.draw(nearest.size())];
  if (call.evaluation.trace) {
    note(call, client.where ? fmt::format("the client is at {:.4f}, {:.4f}", from.latitude, from.longitude)
                            : "it is not known where the client is");
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (!traces(call)) continue;
      const Coordinates& place = scratch.places[i];
      trace(call, where, order[i], i == winner,
            fmt::format("at {:.4f}, {:.4f}{}: distance {:.4f}", place.latitude, place.longitude,
                        where_is(call, scratch.candidates[order[i]]) ? "" : " (not known)",
                        distance(from, place, options.distance)));
    }
  }
  scratch.chosen.assign(1, order[winner]);
  return true;
}

bool choose_weighted(const Call& call, std::string_view where, Selector selector,
                     const std::vector<std::size_t>& among) {
  Scratch& scratch = call.scratch();
  scratch.weights.clear();
  if (!call.spend(among.size() * cost::kDraw)) return false;
  std::uint64_t sum = 0;
  for (const std::size_t i : among) {
    scratch.weights.push_back(scratch.candidates[i].weight);
    sum += scratch.candidates[i].weight;
    if (scratch.candidates[i].weight == 0 && call.evaluation.trace)
      note(call, fmt::format("{} has the weight 0 and is never chosen", answer_text(call, i)));
  }
  if (sum == 0) {
    scratch.error = "the sum of the weights is 0";
    return false;
  }
  const bool choice = among.size() > 1;
  if (selector == Selector::kConsistentHashed) {
    scratch.weighted.clear();
    for (const std::size_t i : among) scratch.weighted.push_back({scratch.candidates[i].weight, answer_text(call, i)});
    if (choice) call.evaluation.on_whole_client();
    constexpr std::uint64_t kMostWeight = 10'000'000;
    if (sum > kMostWeight) {
      scratch.error = fmt::format("the sum of the weights, {}, is too large for consistent hashing", sum);
      return false;
    }
    if (!call.spend(among.size() * kStepsPerArc)) return false;
    const auto picked = HashCircle(scratch.weighted).pick(hash_address(call.evaluation.best()), &call.meter);
    return keep_one(call, where, among, picked.value_or(0), "the next point on the circle");
  }
  std::uint64_t drawn = 0;
  if (selector == Selector::kWeightedHashed) {
    if (choice) call.evaluation.on_whole_client();
    drawn = hash_address(call.evaluation.best()) % sum;
  } else if (selector == Selector::kNameHashed) {
    call.evidence().query_name = true;
    drawn = hash_name(call.evaluation.question->qname_wire) % sum;
  } else if (choice) {
    drawn = call.evaluation.draw(sum);
  }
  const std::size_t picked = pick_weighted(scratch.weights, drawn);
  return keep_one(call, where, among, picked,
                  call.evaluation.trace ? fmt::format("drawn: {} of {}", drawn, sum) : std::string());
}

// How many of a group must be up.
std::size_t floor_of(const Options& options, std::size_t size) {
  const std::size_t needed = options.min_healthy_is_percent ? (size * options.min_healthy + 99) / 100
                                                            : std::min<std::size_t>(options.min_healthy, size);
  return std::max<std::size_t>(needed, 1);
}

std::size_t end_of_group(const std::vector<Candidate>& candidates, std::size_t start) {
  std::size_t end = start;
  while (end < candidates.size() && candidates[end].group == candidates[start].group) ++end;
  return end;
}

// Among those that were up when the last group that had enough had them: those of it that are up, and of the others as
// many as it takes, who fell last. What fell in the same millisecond fell together.
bool choose_last_good(const Call& call, std::string_view where, Selector selector) {
  constexpr std::uint64_t kStepsPerCandidate = 4;
  Scratch& scratch = call.scratch();
  const auto& candidates = scratch.candidates;
  if (!call.spend(candidates.size() * kStepsPerCandidate)) return false;
  SteadyTime last{};  // until when a group had enough
  std::size_t first = 0;
  for (std::size_t start = 0, end = 0; start < candidates.size(); start = end) {
    end = end_of_group(candidates, start);
    scratch.times.clear();
    for (std::size_t i = start; i < end; ++i) scratch.times.push_back(candidates[i].last_up);
    const auto least = scratch.times.begin() + static_cast<std::ptrdiff_t>(floor_of(scratch.options, end - start) - 1);
    std::nth_element(scratch.times.begin(), least, scratch.times.end(), std::greater<>());
    if (*least <= last) continue;
    last = *least;
    first = start;
  }
  if (last == SteadyTime{}) {
    note(call, "too few targets are up, and it is not known that enough ever were: all are answered");
    first_group(call);
    return choose(call, where, Selector::kAll, scratch.order);
  }
  scratch.order.clear();
  for (std::size_t i = first, end = end_of_group(candidates, first); i < end; ++i) {
    const bool kept = candidates[i].last_up >= last;
    if (kept) scratch.order.push_back(i);
    if (traces(call)) trace(call, "lastgood", i, kept, kept ? "was up when enough were last" : "was not up then");
  }
  note(call, "too few targets are up: those are answered that were when enough were last");
  return choose(call, where, selector, scratch.order);
}

}  // namespace

bool ask_health(const Call& call, health::CheckKind kind, std::string_view url, std::uint16_t port) {
  return Asking(call).run(kind, url, port);
}

bool ask_health_by_options(const Call& call) {
  const Options& options = call.scratch().options;
  if (!options.asks()) return Asking(call).run();
  if (!options.url.empty()) return ask_health(call, health::CheckKind::kUrl, options.url, options.port.value_or(0));
  if (options.check.dns_name)
    return ask_health(call, health::CheckKind::kDns, {}, options.port.value_or(health::kDnsPort));
  if (!options.check.program.empty()) return ask_health(call, health::CheckKind::kExec, {}, options.port_of_programs());
  return ask_health(call, health::CheckKind::kTcp, {}, options.port.value_or(0));
}

bool choose(const Call& call, std::string_view where, Selector selector, const std::vector<std::size_t>& among) {
  Scratch& scratch = call.scratch();
  scratch.chosen.clear();
  if (selector == Selector::kEmpty) return true;
  if (among.empty()) {
    scratch.error = "the list is empty";
    return false;
  }
  switch (selector) {
    case Selector::kAll:
      scratch.chosen = among;
      if (call.evaluation.trace)
        for (const std::size_t i : among)
          if (traces(call)) trace(call, where, i, true, "all are answered");
      return true;
    case Selector::kFirst:
      return keep_one(call, where, among, 0, "the first");
    case Selector::kRandom:
      return keep_one(call, where, among, call.evaluation.draw(among.size()), "by chance");
    case Selector::kHashed:
      if (among.size() > 1) call.evaluation.on_whole_client();
      return keep_one(call, where, among, hash_address(call.evaluation.best()) % among.size(),
                      "by the hash of the client's address");
    case Selector::kClosest:
      if (among.size() == 1) return read_addresses(call) && keep_one(call, where, among, 0, "the only one");
      return choose_closest(call, where, among);
    default:
      return choose_weighted(call, where, selector, among);
  }
}

void first_group(const Call& call) {
  Scratch& scratch = call.scratch();
  scratch.order.clear();
  for (std::size_t i = 0; i < scratch.candidates.size(); ++i)
    if (scratch.candidates[i].group == scratch.candidates[0].group) scratch.order.push_back(i);
}

bool choose_healthy(const Call& call, std::string_view where, Selector selector, Selector otherwise) {
  Scratch& scratch = call.scratch();
  const Options& options = scratch.options;
  if (scratch.candidates.empty()) {
    scratch.error = "the list is empty";
    return false;
  }
  if (!call.spend(scratch.candidates.size())) return false;
  bool finished = false;
  for (std::size_t start = 0; start < scratch.candidates.size();) {
    const std::size_t end = end_of_group(scratch.candidates, start);
    scratch.order.clear();
    for (std::size_t i = start; i < end; ++i) {
      finished |= scratch.candidates[i].verdict != health::Verdict::kUnknown;
      if (scratch.candidates[i].verdict == health::Verdict::kUp) scratch.order.push_back(i);
    }
    if (scratch.order.size() >= floor_of(options, end - start)) return choose(call, where, selector, scratch.order);
    start = end;
  }
  if (options.fail_on_incomplete && !finished) {
    scratch.error = "no check has finished, and failOnIncompleteCheck is set";
    return false;
  }
  if (options.all_down == AllDown::kLastGood) return choose_last_good(call, where, selector);
  first_group(call);
  switch (options.all_down) {
    case AllDown::kUnset:
      return choose(call, where, otherwise, scratch.order);
    case AllDown::kAll:
      return choose(call, where, Selector::kAll, scratch.order);
    case AllDown::kFirst:
      return choose(call, where, Selector::kFirst, scratch.order);
    case AllDown::kRandom:
      return choose(call, where, Selector::kRandom, scratch.order);
    case AllDown::kNone:
      scratch.error = "too few targets are up, and alldown is none";
      return false;
    case AllDown::kLastGood:
    case AllDown::kFallback:
      break;
  }
  scratch.candidates.clear();
  for (const std::string& address : options.fallback)
    if (!add_candidate(call, address, 0, 1)) return false;
  if (!read_addresses(call)) return false;
  if (scratch.candidates.empty()) {
    scratch.error = "too few targets are up, and the fallback list is empty";
    return false;
  }
  first_group(call);
  return choose(call, where, Selector::kAll, scratch.order);
}

int push_chosen_table(const Call& call) {
  if (!call.spend(call.scratch().chosen.size() * cost::kEntry)) return -1;
  lua_createtable(call.state, static_cast<int>(call.scratch().chosen.size()), 0);
  int number = 0;
  for (const std::size_t i : call.scratch().chosen) {
    call.push(answer_text(call, i));
    lua_rawseti(call.state, -2, ++number);
  }
  return 1;
}

int push_chosen_text(const Call& call) {
  if (call.scratch().chosen.size() == 1) return call.push(answer_text(call, call.scratch().chosen[0]));
  return push_chosen_table(call);
}

}  // namespace sdns::lua
