// SPDX-License-Identifier: MIT
// ifportup, ifurlup, ifurlextup, pickselfweighted, pool: answers by health.
#include <fmt/format.h>

#include <algorithm>

#include "lua/call.h"
#include "lua/choose.h"
#include "lua/environment.h"
#include "lua/objects.h"

namespace sdns::lua {
namespace {

// The options at `index`, over those of a pool that was read.
bool take_options(const Call& call, int index) {
  Scratch& scratch = call.scratch();
  if (!scratch.options.take(call.state, index, scratch.error)) return false;
  if (call.evaluation.trace)
    for (const std::string& remark : scratch.options.remarks) call.evaluation.trace->note(remark);
  return true;
}

bool candidates_and_options(const Call& call, int index) {
  call.scratch().options.clear();
  return read_candidates(call, index, ListShape::kAny) && read_addresses(call) && take_options(call, index + 1);
}

int push_by_health(const Call& call, const char* where) {
  const Options& options = call.scratch().options;
  if (!choose_healthy(call, where, options.selector, options.backup_selector)) return -1;
  return push_chosen_table(call);
}

int ifportup(const Call& call) {
  std::int64_t port = 0;
  if (!call.integer(1, port)) return call.fail_type(1, "a port");
  if (!candidates_and_options(call, 2)) return -1;
  const auto checked = static_cast<std::uint16_t>(std::clamp<std::int64_t>(port, 0, 65'535));
  if (!ask_health(call, health::CheckKind::kTcp, {}, checked)) return -1;
  return push_by_health(call, "ifportup");
}

int ifurlup(const Call& call) {
  std::string_view url;
  if (!call.text(1, url)) return call.fail_type(1, "a URL");
  if (!candidates_and_options(call, 2)) return -1;
  if (!ask_health(call, health::CheckKind::kUrl, url, 0)) return -1;
  return push_by_health(call, "ifurlup");
}

// Sorts the candidates from `first` on, a bit at a time. False when the budget is used up.
bool sort_by_text(const Call& call, std::size_t first) {
  constexpr std::uint64_t kStepsPerPlace = 20;
  const Texts& texts = call.scratch().texts;
  auto& candidates = call.scratch().candidates;
  const auto less = [&](const Candidate& a, const Candidate& b) { return texts[a.text] < texts[b.text]; };
  const auto begin = candidates.begin() + static_cast<std::ptrdiff_t>(first);
  for (auto end = begin; end != candidates.end();) {
    if (!call.spend(cost::kEntry)) return false;
    std::push_heap(begin, ++end, less);
  }
  for (auto end = candidates.end(); end - begin > 1; --end) {
    if (!call.spend(kStepsPerPlace)) return false;
    std::pop_heap(begin, end, less);
  }
  return true;
}

// Groups of {[address]=url}, each in the order of its addresses' text.
int ifurlextup(const Call& call) {
  Scratch& scratch = call.scratch();
  lua_State* state = call.state;
  scratch.options.clear();
  scratch.texts.clear();
  scratch.candidates.clear();
  if (!lua_istable(state, 1)) return call.fail_type(1, "a list of tables {['address']='URL'}");
  std::uint32_t group = 0;
  lua_pushnil(state);
  while (lua_next(state, 1) != 0) {
    if (lua_isnumber(state, -2) == 0 || !lua_istable(state, -1))
      return call.fail("each group must be a table {['address']='URL'}");
    const int inner = lua_gettop(state);
    const std::size_t first = scratch.candidates.size();
    lua_pushnil(state);
    while (lua_next(state, inner) != 0) {
      std::string_view url;
      if (lua_type(state, -2) != LUA_TSTRING || !call.text(-1, url))
        return call.fail("each group must be a table {['address']='URL'}");
      std::size_t size = 0;
      const char* address = lua_tolstring(state, -2, &size);
      if (!call.has_room(scratch.candidates.size(), scratch.texts, size + url.size())) return -1;
      Candidate& candidate = scratch.candidates.emplace_back();
      candidate.group = group;
      candidate.text = static_cast<std::uint32_t>(scratch.texts.size());
      scratch.texts.add({address, size});
      candidate.url = static_cast<std::uint32_t>(scratch.texts.size());
      scratch.texts.add(url);
      lua_pop(state, 1);
    }
    if (!sort_by_text(call, first) || !call.spend(cost::kEntry)) return -1;
    ++group;
    lua_pop(state, 1);
  }
  if (!read_addresses(call) || !take_options(call, 2)) return -1;
  if (!ask_health(call, health::CheckKind::kUrlOnly, {}, 0)) return -1;
  return push_by_health(call, "ifurlextup");
}

// Weights that the targets themselves say, in the list's own order; by chance when none is up.
int pickselfweighted(const Call& call) {
  Scratch& scratch = call.scratch();
  std::string_view url;
  if (!call.text(1, url)) return call.fail_type(1, "a URL");
  scratch.options.clear();
  if (!read_candidates(call, 2, ListShape::kFlat) || !read_addresses(call) || !take_options(call, 3)) return -1;
  if (scratch.candidates.empty()) return call.fail("the list is empty");
  if (!ask_health(call, health::CheckKind::kUrl, url, 0)) return -1;
  call.evidence().weights = true;
  if (!call.spend(scratch.candidates.size())) return -1;
  scratch.weights.clear();
  std::uint64_t sum = 0;
  std::size_t positive = 0;
  for (const Candidate& candidate : scratch.candidates) {
    scratch.weights.push_back(candidate.self_weight);
    sum += candidate.self_weight;
    positive += candidate.self_weight > 0 ? 1 : 0;
  }
  if (sum == 0) {
    first_group(call);
    if (!choose(call, "pickselfweighted", Selector::kRandom, scratch.order)) return -1;
    return push_chosen_text(call);
  }
  if (positive > 1) call.evaluation.on_whole_client();
  const std::uint64_t drawn = hash_address(call.evaluation.best()) % sum;
  scratch.chosen.assign(1, pick_weighted_in_order(scratch.weights, drawn));
  if (call.evaluation.trace)
    call.evaluation.trace->add("pickselfweighted", answer_text(call, scratch.chosen[0]), true,
                               fmt::format("drawn: {} of {}", drawn, sum));
  return push_chosen_text(call);
}

int pool(const Call& call) {
  std::string_view name;
  if (!call.text(1, name)) return call.fail_type(1, "the name of a target pool");
  if (!call.rests_on_pool(name)) return -1;
  const health::TargetPools* pools = call.evaluation.sources->pools;
  const health::TargetPool* found = pools ? pools->find(name) : nullptr;
  if (!found) return call.fail(fmt::format("no target pool has the name {}", name.substr(0, 100)));
  push_pool(call.state, found);
  return 1;
}

constexpr FunctionEntry kFunctions[] = {
    {"ifportup", 2, 3, ifportup},
    {"ifurlup", 2, 3, ifurlup},
    {"ifurlextup", 1, 2, ifurlextup},
    {"pickselfweighted", 2, 3, pickselfweighted},
    {"pool", 1, 1, pool},
};

}  // namespace

int choose_from_pool(const Call& call, int index) {
  Scratch& scratch = call.scratch();
  scratch.options.clear();
  if (!read_candidates(call, index, ListShape::kFlat)) return -1;
  const Options& options = scratch.options;
  const char* where = "pool";
  if (!options.checked()) {
    scratch.order.clear();
    if (!scratch.candidates.empty()) first_group(call);
    if (!choose(call, where, options.selector, scratch.order)) return -1;
    return push_chosen_table(call);
  }
  if (!ask_health_by_options(call)) return -1;
  const Selector otherwise = options.has_backup_selector ? options.backup_selector : options.selector;
  if (!choose_healthy(call, where, options.selector, otherwise)) return -1;
  return push_chosen_table(call);
}

std::span<const FunctionEntry> health_functions() { return kFunctions; }

}  // namespace sdns::lua
