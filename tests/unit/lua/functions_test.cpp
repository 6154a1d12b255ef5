// SPDX-License-Identifier: MIT
// The functions, variables and objects that records have, by the table in tests/data/lua/functions.txt: what each gives
// there, and that each is there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "lua/call.h"
#include "lua/object_tables.h"
#include "tests/unit/lua/geo_rows.h"
#include "tests/unit/lua/runtime_fixture.h"

namespace sdns::lua {
namespace {

// One line of the table.
struct Line {
  int number = 0;
  std::string first;  ///< the word behind `@`, "" for a call
  std::string rest;   ///< the arguments, or the code
  std::string expected;
};

std::vector<Line> table() {
  std::vector<Line> lines;
  std::ifstream in(SDNS_LUA_FUNCTIONS);
  EXPECT_TRUE(in) << SDNS_LUA_FUNCTIONS;
  std::string text;
  for (int number = 1; std::getline(in, text); ++number) {
    if (text.starts_with("--")) continue;
    Line line{.number = number, .first = {}, .rest = text, .expected = {}};
    if (text.starts_with('@')) {
      const std::size_t space = std::min(text.find(' '), text.size());
      line.first = text.substr(1, space - 1);
      line.rest = text.substr(std::min(space + 1, text.size()));
    } else if (!text.empty()) {
      const std::size_t arrow = text.rfind(" => ");
      EXPECT_NE(arrow, std::string::npos) << "line " << number << " expects nothing";
      if (arrow == std::string::npos) continue;
      line.rest = text.substr(0, arrow);
      line.expected = text.substr(arrow + 4);
    }
    lines.push_back(line);
  }
  return lines;
}

class FunctionTable : public RuntimeTest {
 protected:
  FunctionTable() { geo_ = city_and_asn(); }

  void reset() {
    client_ = Client{};
    set_client("127.0.0.1");
    client_.local = *dns::IpAddress::parse("192.0.2.53");
    set_query_name("www.example.org.");
    base_.clear();
    table_ = std::make_shared<const health::HealthTable>();
    library_.libraries.clear();
    pools_ = {};
    random_ = test::SeededRandom(1);
  }

  void set(const Line& line) {
    std::istringstream words(line.rest);
    std::string word;
    words >> word;
    if (line.first == "client") {
      set_client(word.c_str());
    } else if (line.first == "ecs") {
      client_.ecs = *dns::IpNetwork::parse(word);
    } else if (line.first == "name") {
      set_query_name(word.c_str());
    } else if (line.first == "base") {
      base_ = dns::Name::parse(word)->wire();
    } else if (line.first == "up") {  // the identity, `*` and the weight when the target says one
      const std::size_t star = line.rest.find(" * ");
      const bool weighs = star != std::string::npos;
      set_health({line.rest.substr(0, star)}, health::Verdict::kUp,
                 weighs ? static_cast<std::uint32_t>(std::stoul(line.rest.substr(star + 3))) : 1);
    } else if (line.first == "down") {
      set_health({line.rest}, health::Verdict::kDown);
    } else if (line.first == "library") {
      library_.libraries[word].push_back("LUA \"" + line.rest.substr(word.size() + 1) + '"');
    } else if (line.first == "pool") {
      set_pool(words, word);
    } else {
      FAIL() << "line " << line.number << ": @" << line.first;
    }
  }

  // NAME OPTION=VALUE … +OPTION=VALUE,OPTION=VALUE … ADDRESS*WEIGHT ADDRESS>PROBED*WEIGHT …: behind + is a further
  // check.
  void set_pool(std::istringstream& words, const std::string& name) {
    health::TargetPool pool;
    pool.name = name;
    for (std::string word; words >> word;) {
      if (const std::size_t equals = word.find('='); equals != std::string::npos) {
        if (!word.starts_with('+')) {
          pool.options[word.substr(0, equals)] = word.substr(equals + 1);
          continue;
        }
        std::istringstream check(word.substr(1));
        pool.checks.emplace_back();
        for (std::string option; std::getline(check, option, ',');)
          pool.checks.back()[option.substr(0, option.find('='))] = option.substr(option.find('=') + 1);
        continue;
      }
      health::PoolMember member;
      member.name = word.substr(0, word.find_first_of("*>"));
      member.address = *dns::IpAddress::parse(member.name);
      if (const std::size_t probe = word.find('>'); probe != std::string::npos)
        member.probe = *dns::IpAddress::parse(word.substr(probe + 1, word.find('*') - probe - 1));
      member.weight = static_cast<std::uint32_t>(std::stoul(word.substr(word.find('*') + 1)));
      pool.members.push_back(member);
    }
    auto made = health::TargetPools::make({pool});
    ASSERT_TRUE(made) << to_text(made.error());
    pools_ = std::move(*made);
  }

  // The values, behind `|` the checks that were asked, in the order of their names.
  std::string said_with_checks(const std::string& code) {
    std::string text = said(code, dns::kTXT);
    auto checks = values_.evidence.checks;
    std::sort(checks.begin(), checks.end());
    for (const std::string& check : checks) text += " | " + check;
    return text;
  }
};

TEST_F(FunctionTable, EveryCallGivesWhatItSays) {
  reset();
  int calls = 0;
  for (const Line& line : table()) {
    if (line.first.empty() && line.rest.empty()) {
      reset();
    } else if (!line.first.empty()) {
      set(line);
    } else {
      ++calls;
      const bool with_checks = line.expected.find(" | ") != std::string::npos;
      const std::string text = with_checks ? said_with_checks(line.rest) : said(line.rest, dns::kTXT);
      if (!line.expected.starts_with('!'))
        EXPECT_EQ(text, line.expected) << "line " << line.number << ": " << line.rest;
      else
        EXPECT_TRUE(text.starts_with('!') && text.find(line.expected.substr(1)) != std::string::npos)
            << "line " << line.number << ": " << line.rest << "\n  gives " << text << "\n  in place of "
            << line.expected;
    }
  }
  EXPECT_GT(calls, 200);
}

// Lua source as an existing failover controller sends it: its quotes can stand in no record, but in what makes one.
TEST_F(FunctionTable, TheBodiesOfExistingCallersWorkAsWritten) {
  const std::string arguments =
      R"(("https://probe-hel.example.com/healthz", {{"5.5.6.7"}, {"5.1.2.3", "5.1.2.4"}}, {selector="pickfirst", interval=5, timeout=2}))";
  std::string quoted = arguments;
  std::replace(quoted.begin(), quoted.end(), '"', '\'');
  const std::string check = "url https://probe-hel.example.com/healthz from ";
  for (const char* function : {"ifurlup", "pickfirst", "pickclosest", "pickwhashed"}) {
    reset();
    const auto answers = [&] {
      Script script(Code{dns::kA, "return " + (function + arguments)});
      const Values& values = run(script);
      EXPECT_EQ(values.failure, Failure::kNone) << values.error;
      const std::string as_written = values.contents.empty() ? "" : values.contents[0];
      EXPECT_EQ(said(function + quoted), as_written) << "with the quotes that a record can have";
      return as_written;
    };
    EXPECT_EQ(answers(), "5.5.6.7") << function << ": the first group, when nothing is up";
    EXPECT_EQ(values_.evidence.checks,
              (std::vector<std::string>{check + "5.5.6.7 interval=5", check + "5.1.2.3 interval=5",
                                        check + "5.1.2.4 interval=5"}));
    set_health({check + "5.1.2.4 interval=5"}, health::Verdict::kUp);
    EXPECT_EQ(answers(), "5.1.2.4") << function;
    set_health({check + "5.5.6.7 interval=5"}, health::Verdict::kUp);
    EXPECT_EQ(answers(), "5.5.6.7") << function << ": groups in order";
  }
}

// The words of all calls in the table.
std::set<std::string> called() {
  std::set<std::string> words;
  for (const Line& line : table()) {
    if (!line.first.empty()) continue;
    std::string word;
    for (const char c : line.rest + ' ') {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') word += c;
      else if (!word.empty()) words.insert(std::exchange(word, {}));
    }
  }
  return words;
}

// PowerDNS's, up to 5.1; then ours.
constexpr const char* kNames[] = {"pickrandom",
                                  "pickrandomsample",
                                  "all",
                                  "pickhashed",
                                  "pickclosest",
                                  "pickwrandom",
                                  "pickwhashed",
                                  "picknamehashed",
                                  "pickchashed",
                                  "pickselfweighted",
                                  "ifportup",
                                  "ifurlup",
                                  "ifurlextup",
                                  "continent",
                                  "country",
                                  "asnum",
                                  "region",
                                  "continentCode",
                                  "countryCode",
                                  "regionCode",
                                  "geoiplookup",
                                  "latlon",
                                  "latlonloc",
                                  "latlonMagic",
                                  "closestMagic",
                                  "netmask",
                                  "view",
                                  "createReverse",
                                  "createReverse6",
                                  "createForward",
                                  "createForward6",
                                  "filterForward",
                                  "include",
                                  "dblookup",
                                  "resolve",
                                  "pdnslog",
                                  "pdnsrandom",
                                  "newDN",
                                  "newCA",
                                  "newCAS",
                                  "newCAFromRaw",
                                  "newNetmask",
                                  "newNMG",
                                  "newQType",
                                  "newDRR",
                                  "newDR",
                                  "newDNSPacket",
                                  "dupDNSPacket",
                                  "report",
                                  "qname",
                                  "zone",
                                  "zoneid",
                                  "who",
                                  "ecswho",
                                  "bestwho",
                                  "localwho",
                                  "dh",
                                  "dnssecOK",
                                  "tcp",
                                  "ednsPKTSize",
                                  "pdns",
                                  "pdns_features",
                                  "GeoIPQueryAttribute",
                                  "pickfirst",
                                  "pool",
                                  "city"};
constexpr const char* kMethods[] = {"toString",      "toStringNoDot", "getRawLabels",
                                    "countLabels",   "wireLength",    "wirelength",
                                    "isPartOf",      "makeRelative",  "equal",
                                    "canonCompare",  "chopOff",       "toStringWithPort",
                                    "getPort",       "getRaw",        "isIPv4",
                                    "isIPv6",        "isMappedIPv4",  "mapToIPv4",
                                    "truncate",      "getNetwork",    "getMaskedNetwork",
                                    "getBits",       "isIpv4",        "isIpv6",
                                    "empty",         "match",         "addMask",
                                    "addMasks",      "add",           "check",
                                    "getCode",       "getName",       "content",
                                    "ttl",           "qtype",         "qclass",
                                    "domainId",      "auth",          "disabled",
                                    "wildcardName",  "signttl",       "lastModified",
                                    "scopeMask",     "getContent",    "getCA",
                                    "changeContent", "place",         "getRD",
                                    "getCD",         "getAD",         "getAA",
                                    "getRA",         "getTC",         "getID",
                                    "getRCODE",      "getOPCODE",     "getQDCOUNT",
                                    "getANCOUNT",    "getNSCOUNT",    "getARCOUNT"};

TEST_F(FunctionTable, EveryNameOfPowerDnsIsThereAndCalledInTheTable) {
  reset();
  client_.ecs = *dns::IpNetwork::parse("192.0.2.0/24");
  const auto words = called();
  for (const char* name : kNames) {
    EXPECT_TRUE(words.contains(name)) << name << " is in no line of the table";
    EXPECT_NE(said(std::string("type(") + name + ")", dns::kTXT), "nil") << name << " is not there";
  }
  for (const char* name : kMethods) EXPECT_TRUE(words.contains(name)) << name << " is in no line of the table";
}

TEST_F(FunctionTable, EveryFunctionOfOursIsCalledInTheTable) {
  const auto words = called();
  for (const auto functions : {pick_functions(), health_functions(), geo_functions(), generate_functions(),
                               network_functions(), data_functions(), object_functions(), object_table_functions()}) {
    for (const FunctionEntry& entry : functions) {
      EXPECT_TRUE(words.contains(entry.name)) << entry.name << " is in no line of the table";
      EXPECT_THAT(kNames, testing::Contains(testing::StrEq(entry.name))) << "a name that PowerDNS does not have";
    }
  }
}

TEST_F(FunctionTable, EveryOptionOfAPoolIsInTheTable) {
  std::set<std::string> words = called();
  for (const std::string_view option : health::pool_option_names())
    EXPECT_TRUE(words.contains(std::string(option))) << option << " is in no line of the table";
}

}  // namespace
}  // namespace sdns::lua
