// SPDX-License-Identifier: MIT
// netmask, view, filterForward: by the networks that an address is in.
#include <fmt/format.h>

#include "lua/call.h"
#include "lua/object_tables.h"
#include "lua/objects.h"

namespace sdns::lua {
namespace {

enum class Match { kNo, kYes, kFailed };

// Whether the client is in this network; notes how much of its address was looked at.
Match client_in(const Call& call, std::string_view text) {
  if (!call.spend(cost::kNetwork)) return Match::kFailed;
  const auto network = parse_netmask(text);
  if (!network) {
    call.scratch().error = network.error().what;
    return Match::kFailed;
  }
  const dns::IpAddress client = call.evaluation.best();
  call.evidence().on_client(bits_of_test(*network, client));
  return network->contains(client) ? Match::kYes : Match::kNo;
}

int netmask(const Call& call) {
  Texts& masks = call.scratch().texts;
  masks.clear();
  if (!call.texts(1, masks, "argument 1 must be a list of networks")) return -1;
  for (std::size_t i = 0; i < masks.size(); ++i) {
    const Match match = client_in(call, masks[i]);
    if (match == Match::kFailed) return -1;
    if (match == Match::kYes) return call.push(true);
  }
  return call.push(false);
}

// A list of {{networks}, {values}}: one of the values of the first rule with a network that has the client.
int view(const Call& call) {
  lua_State* state = call.state;
  Texts& texts = call.scratch().texts;
  if (!lua_istable(state, 1)) return call.fail_type(1, "a list of {{networks}, {values}}");
  lua_pushnil(state);
  for (std::size_t rules = 0; lua_next(state, 1) != 0; ++rules) {
    texts.clear();
    if (!call.has_room(rules, texts, 0)) return -1;
    if (lua_isnumber(state, -2) == 0 || !lua_istable(state, -1))
      return call.fail("each rule is {{networks}, {values}}");
    const int rule = lua_gettop(state);
    lua_rawgeti(state, rule, 1);
    if (!call.texts(rule + 1, texts, "the first part of a rule is a list of networks")) return -1;
    bool matched = false;
    for (std::size_t i = 0; i < texts.size() && !matched; ++i) {
      const Match match = client_in(call, texts[i]);
      if (match == Match::kFailed) return -1;
      matched = match == Match::kYes;
    }
    if (matched) {
      lua_rawgeti(state, rule, 2);
      texts.clear();
      constexpr std::string_view kNoValues = "the second part of a rule is a list of values";
      if (!call.texts(rule + 2, texts, kNoValues)) return -1;
      if (texts.empty()) return call.fail(kNoValues);
      return call.push(texts[call.evaluation.draw(texts.size())]);
    }
    lua_settop(state, rule - 1);
  }
  return call.push(std::string_view());
}

// filterForward(address, NetmaskGroup [, fallback])
int filter_forward(const Call& call) {
  std::string_view text;
  std::string_view fallback;
  if (!call.text(1, text)) return call.fail_type(1, "an address");
  if (call.present(3) && !call.text(3, fallback)) return call.fail_type(3, "an address");
  if (!call.spend(cost::kAddress + cost::copy(text.size() + fallback.size()))) return -1;
  std::string& answer = call.scratch().text;
  {
    const auto endpoint = dns::Endpoint::parse(text);
    if (!endpoint) return call.fail(endpoint.error().what);
    std::uint8_t bits = 0;
    const auto contained = group_contains(call.state, 2, endpoint->address, bits);
    if (!contained) return call.fail_type(2, "a NetmaskGroup");
    answer.clear();
    if (*contained) endpoint->address.append_text(answer);
    else if (call.present(3)) answer = fallback;
    else answer = endpoint->address.is_v4() ? "0.0.0.0" : "::";
  }
  lua_newtable(call.state);
  if (answer.empty()) return 1;
  call.push(std::string_view(answer));
  lua_rawseti(call.state, -2, 1);
  return 1;
}

constexpr FunctionEntry kFunctions[] = {
    {"netmask", 1, 1, netmask}, {"view", 1, 1, view}, {"filterForward", 2, 3, filter_forward}};

}  // namespace

std::span<const FunctionEntry> network_functions() { return kFunctions; }

}  // namespace sdns::lua
