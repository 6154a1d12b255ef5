// SPDX-License-Identifier: MIT
// pickrandom, pickclosest and their like: from a list, or among those of it that are up.
#include <algorithm>
#include <utility>

#include "lua/call.h"
#include "lua/choose.h"

namespace sdns::lua {
namespace {

// (list or pool [, options]), or (URL, list [, options]): candidates into the scratch, the ones to choose from by
// `selector` are then chosen.
bool pick_from(const Call& call, std::string_view where, int index, Selector selector, ListShape shape) {
  Scratch& scratch = call.scratch();
  scratch.options.clear();
  std::string_view url;
  const bool by_url = call.text(index, url);
  if (by_url) ++index;
  const bool with_options = by_url || call.present(index + 1);
  if (with_options && shape == ListShape::kFlat) shape = ListShape::kGroups;
  if (by_url) shape = ListShape::kAny;
  if (!read_candidates(call, index, shape)) return false;
  if (!scratch.options.take(call.state, index + 1, scratch.error)) return false;
  if (by_url) scratch.options.url = url;
  if (call.evaluation.trace)
    for (const std::string& remark : scratch.options.remarks) call.evaluation.trace->note(remark);
  if (!scratch.options.checked()) {
    if (!scratch.candidates.empty()) first_group(call);
    else scratch.order.clear();
    return choose(call, where, selector, scratch.order);
  }
  if (!read_addresses(call) || !ask_health_by_options(call)) return false;
  return choose_healthy(call, where, selector, selector);
}

template <Selector How, ListShape Shape>
int pick(const Call& call, const char* where) {
  if (!pick_from(call, where, 1, How, Shape)) return -1;
  return How == Selector::kAll ? push_chosen_table(call) : push_chosen_text(call);
}

int pickrandom(const Call& call) { return pick<Selector::kRandom, ListShape::kFlat>(call, "pickrandom"); }
int pickfirst(const Call& call) { return pick<Selector::kFirst, ListShape::kGroups>(call, "pickfirst"); }
int pickhashed(const Call& call) { return pick<Selector::kHashed, ListShape::kFlat>(call, "pickhashed"); }
int pickclosest(const Call& call) { return pick<Selector::kClosest, ListShape::kFlat>(call, "pickclosest"); }
int all(const Call& call) { return pick<Selector::kAll, ListShape::kFlat>(call, "all"); }
int pickwrandom(const Call& call) { return pick<Selector::kWeightedRandom, ListShape::kWeighted>(call, "pickwrandom"); }
int pickwhashed(const Call& call) { return pick<Selector::kWeightedHashed, ListShape::kWeighted>(call, "pickwhashed"); }
int picknamehashed(const Call& call) {
  return pick<Selector::kNameHashed, ListShape::kWeighted>(call, "picknamehashed");
}
int pickchashed(const Call& call) {
  return pick<Selector::kConsistentHashed, ListShape::kWeighted>(call, "pickchashed");
}

// pickrandomsample(n, list [, options]): a negative n is all of them, shuffled.
int pickrandomsample(const Call& call) {
  std::int64_t wanted = 0;
  if (!call.integer(1, wanted)) return call.fail_type(1, "a number");
  if (!pick_from(call, "pickrandomsample", 2, Selector::kAll, ListShape::kFlat)) return -1;
  auto& chosen = call.scratch().chosen;
  if (!call.spend(chosen.size() * cost::kDraw)) return -1;
  for (std::size_t i = 0; i + 1 < chosen.size(); ++i)
    std::swap(chosen[i], chosen[i + call.evaluation.draw(chosen.size() - i)]);
  if (wanted >= 0 && static_cast<std::uint64_t>(wanted) < chosen.size())
    chosen.resize(static_cast<std::size_t>(wanted));
  return push_chosen_table(call);
}

constexpr FunctionEntry kFunctions[] = {
    {"pickrandom", 1, 3, pickrandom},         {"pickrandomsample", 2, 3, pickrandomsample},
    {"pickfirst", 1, 3, pickfirst},           {"pickhashed", 1, 3, pickhashed},
    {"pickclosest", 1, 3, pickclosest},       {"all", 1, 3, all},
    {"pickwrandom", 1, 3, pickwrandom},       {"pickwhashed", 1, 3, pickwhashed},
    {"picknamehashed", 1, 3, picknamehashed}, {"pickchashed", 1, 3, pickchashed},
};

}  // namespace

std::span<const FunctionEntry> pick_functions() { return kFunctions; }

}  // namespace sdns::lua
