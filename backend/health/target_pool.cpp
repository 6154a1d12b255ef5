// SPDX-License-Identifier: MIT
#include "backend/health/target_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "backend/dns/ldns_codec.h"
#include "backend/dns/rdata_text.h"
#include "backend/health/pool_options.h"

namespace sdns::health {
namespace {

constexpr std::size_t kMaxNameOctets = 63;

bool plain(std::string_view text, std::string_view besides) {
  return std::all_of(text.begin(), text.end(), [besides](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           besides.find(c) != std::string_view::npos;
  });
}

// One of these is what is asked; `port` alone is too.
constexpr std::array<const char*, 3> kQuestions = {"url", "dns", "exec"};

constexpr std::string_view kInPoolNames = "-_.";
constexpr std::string_view kInMemberNames = "-_.:";  // an IPv6 address is a name too

using Idle = std::pair<const char*, const char*>;  // the first has no effect beside the second
constexpr std::array<Idle, 11> kIdle = {{{"minimumFailures", "fall"},
                                         {"minimumFailures", "rise"},
                                         {"minimumFailures", "fallremembered"},
                                         {"minimumFailures", "forgetafter"},
                                         {"minimumFailures", "holddown"},
                                         {"minimumFailures", "initial"},
                                         {"minimumFailures", "resume"},
                                         {"httpcode", "codes"},
                                         {"dns", "url"},
                                         {"dns", "exec"},
                                         {"url", "exec"}}};
// These may be for other checks of the pool.
constexpr std::array<Idle, 8> kIdleAlone = {{{"send", "url"},
                                             {"expect", "url"},
                                             {"send", "dns"},
                                             {"expect", "dns"},
                                             {"send", "exec"},
                                             {"expect", "exec"},
                                             {"timeout", "exec"},
                                             {"source", "exec"}}};

// Everything that is wrong with one pool.
class Examination {
 public:
  explicit Examination(const TargetPool& pool) : pool_(pool) {}

  std::vector<PoolProblem> run() {
    name("name", pool_.name, kInPoolNames);
    options();
    checks();
    rule();
    if (pool_.members.size() > kMaxPoolMembers)
      say("", fmt::format("has {} members, more than {}", pool_.members.size(), kMaxPoolMembers), "split it");
    else if (pool_.members.size() * questions() > kMaxCheckedMembers)
      say("",
          fmt::format("has {} members with {} check{} each, more than {} checks", pool_.members.size(), questions(),
                      questions() == 1 ? "" : "s", kMaxCheckedMembers),
          "split it: one answer rests on so many health checks at most");
    for (std::size_t i = 0; i < pool_.members.size(); ++i) {
      at_ = i;
      member(pool_.members[i]);
    }
    return std::move(problems_);
  }

 private:
  void say(std::string_view key, std::string what, std::string hint) {
    problems_.push_back({at_, std::string(key), std::move(what), std::move(hint), at_check_});
  }

  [[nodiscard]] std::size_t questions() const { return pool_.checks.size() + (asks_question(pool_.options) ? 1 : 0); }

  void name(std::string_view key, const std::string& text, std::string_view besides) {
    if (text.empty()) return say(key, "is empty", "give it a name");
    if (text.size() > kMaxNameOctets)
      return say(key, fmt::format("\"{}\" has {} octets, more than {}", text, text.size(), kMaxNameOctets),
                 "shorten it");
    if (!plain(text, besides))
      say(key, fmt::format("\"{}\" has a character that is no ASCII letter, digit or one of {}", text, besides),
          "choose another");
  }

  void options() {
    for (const auto& [option, value] : pool_.options)
      if (auto fault = option_fault(option, value)) say(option, std::move(fault->what), std::move(fault->hint));
    const std::string* all_down = option("alldown");
    const bool falls_back = all_down != nullptr && *all_down == "fallback";
    if (falls_back && option("fallback") == nullptr)
      say("alldown", "\"fallback\" needs the option fallback", "list its addresses, separated by blanks");
    if (!falls_back && option("fallback") != nullptr)
      say("fallback", "has no effect without alldown = \"fallback\"", "set that, or leave this out");
    of_a_check(pool_.options, pool_.checks.empty());
  }

  [[nodiscard]] const std::string* option(const char* wanted) const { return option(pool_.options, wanted); }
  [[nodiscard]] static const std::string* option(const PoolOptions& options, const char* wanted) {
    const auto found = options.find(wanted);
    return found == options.end() ? nullptr : &found->second;
  }

  // What does not go together among the options of one check; of all checks of the pool unless it is `alone`.
  void of_a_check(const PoolOptions& options, bool alone) {
    const std::string* url = option(options, "url");
    if (url != nullptr && option(options, "port") != nullptr && url_names_port(*url))
      say("port", fmt::format("and url \"{}\" both say a port", *url), "leave one of them out");
    const auto idle = [&](const Idle& pair) {
      if (option(options, pair.first) == nullptr || option(options, pair.second) == nullptr) return;
      if (!problems_.empty() && problems_.back().key == pair.first && problems_.back().check == at_check_) return;
      const bool question =
          std::find(kQuestions.begin(), kQuestions.end(), std::string_view(pair.first)) != kQuestions.end();
      say(pair.first, fmt::format("has no effect beside {}", pair.second),
          question ? "leave one of them out, or ask it in a check of its own" : "leave one of them out");
    };
    for (const Idle& pair : kIdle) idle(pair);
    if (!alone) return;
    for (const Idle& pair : kIdleAlone) idle(pair);
    for (const char* of_dns : {"dnstype", "dnsrcode", "dnsrdata"})
      if (option(options, of_dns) != nullptr && option(options, "dns") == nullptr)
        say(of_dns, "has no effect without dns", "say the name to ask for in dns, or leave this out");
    if (const std::string* method = option(options, "method");
        method && *method == "HEAD" && option(options, "stringmatch") != nullptr)
      say("stringmatch", "is never found in what method = \"HEAD\" brings", "leave one of them out");
    const auto own_or_pools = [&](const char* name) {
      const std::string* own = option(options, name);
      return own != nullptr || option(options, "dns") == nullptr ? own : option(name);
    };
    rdata(own_or_pools("dnstype"), own_or_pools("dnsrdata"));
  }

  void checks() {
    if (pool_.checks.size() > kMaxPoolChecks)
      say("", fmt::format("has {} checks, more than {}", pool_.checks.size(), kMaxPoolChecks), "remove some of them");
    const auto names = check_option_names();
    for (std::size_t i = 0; i < pool_.checks.size(); ++i) {
      at_check_ = i;
      const PoolOptions& options = pool_.checks[i];
      for (const auto& [name, value] : options) {
        if (std::find(names.begin(), names.end(), name) == names.end())
          say(name, is_pool_option(name) ? "is an option of the pool, not of one check" : "is not an option of a check",
              is_pool_option(name) ? "set it in the pool" : unknown_option_hint(name));
        else if (auto fault = option_fault(name, value)) say(name, std::move(fault->what), std::move(fault->hint));
      }
      of_a_check(options, true);
      if (!asks_question(options)) say("", "asks nothing", "say what in url, port, dns or exec");
      for (std::size_t other = 0; other < i; ++other)
        if (pool_.checks[other] == options)
          say("", fmt::format("is the same as check {}", other + 1), "remove one of the two");
    }
    at_check_.reset();
  }

  void rule() {
    const std::string* text = option("rule");
    const auto rule = text == nullptr ? Result<CheckRule>() : parse_check_rule(*text, kMaxPoolChecks + 1);
    if (text == nullptr || !rule) return;  // told above
    if (questions() < 2)
      say("rule", "has no effect with fewer than two checks", "add another check, or leave this out");
    else if (rule->kind == CheckRule::Kind::kAtLeast && rule->least > questions())
      say("rule", fmt::format("wants {} checks up, and there are {}", rule->least, questions()), "lower it");
  }

  void rdata(const std::string* type_text, const std::string* text) {
    const auto type = type_text == nullptr ? Result<dns::RrType>(dns::kA) : dns::RrType::parse(*type_text);
    if (text == nullptr || text->empty() || !type) return;  // told above
    if (auto content = dns::canonical_content(*type, *text, dns::Name()); !content)
      say("dnsrdata", fmt::format("\"{}\" is no {}: {}", dns::printable(*text), type->text(), content.error().what),
          "write it as in a master file");
  }

  void member(const PoolMember& member) {
    name("name", member.name, kInMemberNames);
    const bool new_name = names_.insert(member.name).second;
    const bool new_address = addresses_.insert(member.address.text()).second;
    if (const auto address = dns::IpAddress::parse(member.name); address && *address != member.address)
      say("name", fmt::format("\"{}\" is another address than the member's {}", member.name, member.address.text()),
          "choose another");
    if (!new_address)
      say("address", fmt::format("{} is that of another member", member.address.text()),
          "a pool has each target once; its weight says how often it is chosen");
    else if (!new_name) say("name", fmt::format("\"{}\" is the name of another member", member.name), "choose another");
    if (member.weight > kMaxPoolWeight)
      say("weight", fmt::format("{} is over {}", member.weight, kMaxPoolWeight), "weights count against each other");
    if (member.group < 1 || member.group > kMaxPoolGroup)
      say("group", fmt::format("{} is outside of 1 to {}", member.group, kMaxPoolGroup), "group 1 is asked first");
    if (member.probe == member.address)
      say("probe", fmt::format("{} is the member's own address", member.address.text()), "leave it out");
    if (!member.region.empty()) name("region", member.region, kInMemberNames);
    degrees("latitude", member.latitude, 90);
    degrees("longitude", member.longitude, 180);
    if (member.latitude.has_value() != member.longitude.has_value())
      say(member.latitude ? "longitude" : "latitude", "is missing", "give both coordinates or neither");
  }

  void degrees(const char* key, const std::optional<double>& value, int most) {
    if (value && !(std::abs(*value) <= most))  // also for what is not a number
      say(key, fmt::format("{} is outside of -{} to {} degrees", *value, most, most), "correct it");
  }

  const TargetPool& pool_;
  std::optional<std::size_t> at_;
  std::optional<std::size_t> at_check_;
  std::set<std::string_view> names_;
  std::set<std::string> addresses_;
  std::vector<PoolProblem> problems_;
};

}  // namespace

bool asks_question(const PoolOptions& options) {
  return options.contains("port") || std::any_of(kQuestions.begin(), kQuestions.end(),
                                                 [&](const char* question) { return options.contains(question); });
}

std::vector<PoolProblem> pool_problems(const TargetPool& pool) { return Examination(pool).run(); }

Result<void> check_pool(const TargetPool& pool) {
  const auto problems = pool_problems(pool);
  if (problems.empty()) return {};
  const PoolProblem& first = problems.front();
  std::string what = fmt::format("target pool {}: ", pool.name);
  if (first.member) what += fmt::format("member {}: ", pool.members[*first.member].name);
  if (first.check) what += fmt::format("check {}: ", *first.check + 1);
  if (!first.key.empty()) what += first.key + ' ';
  return fail(Errc::kInvalidArgument, what + first.what, first.hint);
}

std::string degrees_text(double degrees) { return fmt::format("{}", degrees == 0 ? 0.0 : degrees); }

Result<double> parse_degrees(std::string_view text) {
  double degrees = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, degrees, std::chars_format::fixed);
  if (text.empty() || error != std::errc{} || stopped != end || !std::isfinite(degrees))
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not a number of degrees", text), "as in 52.52 or -13.4");
  return degrees == 0 ? 0.0 : degrees;
}

Result<TargetPools> TargetPools::make(std::vector<TargetPool> pools) {
  std::sort(pools.begin(), pools.end(), [](const TargetPool& a, const TargetPool& b) { return a.name < b.name; });
  for (std::size_t i = 0; i < pools.size(); ++i) {
    if (auto checked = check_pool(pools[i]); !checked) return fail(std::move(checked.error()));
    if (i > 0 && pools[i - 1].name == pools[i].name)
      return fail(Errc::kInvalidArgument, fmt::format("the target pool {} is defined twice", pools[i].name),
                  "remove or rename one of the two");
  }
  TargetPools made;
  made.pools_ = std::move(pools);
  return made;
}

const TargetPool* TargetPools::find(std::string_view name) const {
  const auto at = std::lower_bound(pools_.begin(), pools_.end(), name,
                                   [](const TargetPool& pool, std::string_view wanted) { return pool.name < wanted; });
  return at != pools_.end() && at->name == name ? &*at : nullptr;
}

MergedPools TargetPools::merge(const TargetPools& configured, const TargetPools& stored) {
  MergedPools merged;
  std::vector<TargetPool>& all = merged.pools.pools_;
  all = configured.pools_;
  for (const TargetPool& pool : stored.pools_) {
    if (configured.find(pool.name) != nullptr) merged.hidden.push_back(pool.name);
    else all.push_back(pool);
  }
  std::sort(all.begin(), all.end(), [](const TargetPool& a, const TargetPool& b) { return a.name < b.name; });
  return merged;
}

std::vector<std::string> TargetPools::differing(const TargetPools& a, const TargetPools& b) {
  std::vector<std::string> names;
  for (const TargetPool& pool : a.pools_)
    if (const TargetPool* other = b.find(pool.name); other == nullptr || *other != pool) names.push_back(pool.name);
  for (const TargetPool& pool : b.pools_)
    if (a.find(pool.name) == nullptr) names.push_back(pool.name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace sdns::health
