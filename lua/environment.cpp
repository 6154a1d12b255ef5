// SPDX-License-Identifier: MIT
#include "lua/environment.h"

#include <array>
#include <cmath>
#include <cstring>
#include <lua.hpp>
#include <utility>

#include "lua/constants.h"
#include "lua/object_tables.h"
#include "lua/objects.h"
#include "lua/string_library.h"

namespace sdns::lua {
namespace {

// Keys of the registry; their addresses.
char environment_metatable_key;
char environment_key;

// What a name stands for until it is read. The order is that of kLazyNames.
enum Lazy : int {
  kQname = 1,
  kZone,
  kZoneId,
  kWho,
  kEcsWho,
  kBestWho,
  kLocalWho,
  kHeader,
  kDnssecOk,
  kTcp,
  kEdnsSize,
  kGlobals,
  kLibrary,
};
constexpr std::array<std::pair<const char*, Lazy>, 12> kLazyNames = {{
    {"qname", kQname},
    {"zone", kZone},
    {"zoneid", kZoneId},
    {"who", kWho},
    {"ecswho", kEcsWho},
    {"bestwho", kBestWho},
    {"localwho", kLocalWho},
    {"dh", kHeader},
    {"dnssecOK", kDnssecOk},
    {"tcp", kTcp},
    {"ednsPKTSize", kEdnsSize},
    {"_G", kGlobals},
}};

constexpr const char* kBaseFunctions[] = {"assert",   "error",    "getmetatable", "ipairs",  "next",   "pairs",
                                          "pcall",    "rawequal", "rawget",       "rawset",  "select", "setmetatable",
                                          "tonumber", "tostring", "type",         "_VERSION"};
constexpr const char* kMath[] = {"abs",   "acos", "asin",  "atan", "atan2", "ceil", "cos",   "cosh", "deg", "exp",
                                 "floor", "fmod", "frexp", "huge", "ldexp", "log",  "log10", "max",  "min", "modf",
                                 "pi",    "pow",  "rad",   "sin",  "sinh",  "sqrt", "tan",   "tanh"};
constexpr const char* kBit[] = {"arshift", "band", "bnot", "bor",    "bswap", "bxor",
                                "lshift",  "rol",  "ror",  "rshift", "tobit", "tohex"};
constexpr const char* kCoroutine[] = {"create", "resume", "running", "status", "wrap", "yield"};
constexpr const char* kOs[] = {"clock", "date", "difftime", "time"};

// os.time, math.random and the like: what they give is another thing the next time. The function itself is the upvalue.
int by_chance(lua_State* state) {
  evaluation_of(state).evidence().chance = true;
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
  return lua_gettop(state);
}

int random_number(lua_State* state) {
  Evaluation& evaluation = evaluation_of(state);
  evaluation.evidence().chance = true;
  constexpr double kTwoTo53 = 9007199254740992.0;
  const double fraction = static_cast<double>(evaluation.sources->random->next() >> 11) / kTwoTo53;
  const int count = lua_gettop(state);
  if (count == 0) {
    lua_pushnumber(state, fraction);
    return 1;
  }
  const lua_Number low = count == 1 ? 1 : luaL_checknumber(state, 1);
  const lua_Number high = luaL_checknumber(state, count == 1 ? 1 : 2);
  if (!(low <= high)) return luaL_argerror(state, count == 1 ? 1 : 2, "interval is empty");
  lua_pushnumber(state, std::floor(fraction * (high - low + 1)) + low);
  return 1;
}

// xpcall(function, handler, …). LuaJIT calls the handler where the error was raised: for an error that the count hook
// raised, inside of the hook, where no hook is called and a loop would never end. This one calls it afterwards.
int protected_call(lua_State* state) {
  luaL_checkany(state, 2);
  lua_pushvalue(state, 1);
  lua_pushvalue(state, 2);
  lua_replace(state, 1);
  lua_replace(state, 2);
  if (lua_pcall(state, lua_gettop(state) - 2, LUA_MULTRET, 0) == 0) {
    lua_pushboolean(state, 1);
    lua_replace(state, 1);
    return lua_gettop(state);
  }
  if (meter_of(state).over()) return raise_over_budget(state);
  lua_pushboolean(state, 0);
  lua_pushvalue(state, 1);
  lua_pushvalue(state, 2);
  lua_call(state, 1, LUA_MULTRET);
  return lua_gettop(state) - 2;
}

int no_effect(lua_State*) { return 0; }

// Copies the fields named from the table on top to the table below it.
template <std::size_t N>
void copy_fields(lua_State* state, const char* const (&names)[N]) {
  for (const char* name : names) {
    lua_getfield(state, -1, name);
    lua_setfield(state, -3, name);
  }
}

void open_library(lua_State* state, const char* name, lua_CFunction open) {
  lua_pushcfunction(state, open);
  lua_pushstring(state, name);
  lua_call(state, 1, 0);
}

// lazy[name] = a table to be copied into each environment that reads the name.
void share_library(lua_State* state, int lazy, const char* name) {
  lua_setfield(state, lazy, name);
  (void)name;
}

template <std::size_t N>
void share_fields(lua_State* state, int lazy, const char* library, const char* const (&names)[N]) {
  lua_newtable(state);
  lua_getglobal(state, library);
  copy_fields(state, names);
  lua_pop(state, 1);
  share_library(state, lazy, library);
}

void wrap_by_chance(lua_State* state, int table, const char* name) {
  lua_getfield(state, table, name);
  lua_pushcclosure(state, by_chance, 1);
  lua_setfield(state, table, name);
}

void open_sandbox(lua_State* state, int base, int lazy) {
  open_library(state, "", luaopen_base);
  open_library(state, LUA_MATHLIBNAME, luaopen_math);
  open_library(state, LUA_BITLIBNAME, luaopen_bit);
  open_library(state, LUA_STRLIBNAME, luaopen_string);
  open_library(state, LUA_OSLIBNAME, luaopen_os);
  lua_pushvalue(state, base);
  lua_pushvalue(state, LUA_GLOBALSINDEX);
  copy_fields(state, kBaseFunctions);
  lua_pop(state, 2);
  lua_pushcfunction(state, unpack);
  lua_setfield(state, base, "unpack");
  lua_pushcfunction(state, protected_call);
  lua_setfield(state, base, "xpcall");
  lua_pushcfunction(state, no_effect);
  lua_setfield(state, base, "print");

  lua_newtable(state);
  lua_getglobal(state, "math");
  copy_fields(state, kMath);
  lua_pop(state, 1);
  lua_pushcfunction(state, random_number);
  lua_setfield(state, -2, "random");
  lua_pushcfunction(state, no_effect);
  lua_setfield(state, -2, "randomseed");
  share_library(state, lazy, "math");

  share_fields(state, lazy, "bit", kBit);
  share_fields(state, lazy, "coroutine", kCoroutine);

  lua_newtable(state);
  lua_getglobal(state, "os");
  copy_fields(state, kOs);
  lua_pop(state, 1);
  for (const char* name : kOs) wrap_by_chance(state, lua_gettop(state), name);
  share_library(state, lazy, "os");

  push_string_library(state);
  share_library(state, lazy, "string");
  push_table_library(state);
  share_library(state, lazy, "table");

  // Nothing that was opened stays within reach, whatever a function's own environment is.
  lua_pushnil(state);
  while (lua_next(state, LUA_GLOBALSINDEX) != 0) {
    lua_pop(state, 1);
    lua_pushvalue(state, -1);
    lua_pushnil(state);
    lua_rawset(state, LUA_GLOBALSINDEX);
  }
}

void open_everything(lua_State* state, int base) {
  luaL_openlibs(state);
  lua_pushnil(state);
  while (lua_next(state, LUA_GLOBALSINDEX) != 0) {
    lua_pushvalue(state, -2);
    lua_insert(state, -2);
    lua_rawset(state, base);
  }
  // A compiled loop never calls the count hook.
  for (const char* name : {"on", "opt", "attach"}) {
    lua_getfield(state, base, "jit");
    lua_pushnil(state);
    lua_setfield(state, -2, name);
    lua_pop(state, 1);
  }
  lua_pushnil(state);
  lua_setfield(state, base, "_G");
  lua_pushcfunction(state, protected_call);
  lua_setfield(state, base, "xpcall");
  push_string_library(state);
  lua_getfield(state, base, "string");
  lua_getfield(state, -1, "dump");
  lua_setfield(state, -3, "dump");
  lua_pop(state, 1);
  lua_setfield(state, base, "string");
  push_table_library(state);
  lua_setfield(state, base, "table");
  lua_getfield(state, base, "math");
  lua_pushcfunction(state, random_number);
  lua_setfield(state, -2, "random");
  lua_pop(state, 1);
  lua_getfield(state, base, "os");
  for (const char* name : kOs) wrap_by_chance(state, lua_gettop(state), name);
  lua_pop(state, 1);
}

// ("x"):rep() finds the functions here; no code can write to it or read it as a table.
void set_string_metatable(lua_State* state) {
  lua_pushliteral(state, "");
  lua_newtable(state);
  push_string_library(state);
  lua_setfield(state, -2, "__index");
  lua_pushboolean(state, 0);
  lua_setfield(state, -2, "__metatable");
  lua_setmetatable(state, -2);
  lua_pop(state, 1);
}

// Pushes a copy of the table at `index`, tables inside it included.
void push_copy(lua_State* state, int index) {
  lua_newtable(state);
  const int copy = lua_gettop(state);
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    lua_pushvalue(state, -2);
    if (lua_istable(state, -2)) push_copy(state, copy + 2);
    else lua_pushvalue(state, -2);
    lua_rawset(state, copy);
    lua_pop(state, 1);
  }
}

// (base, key): what is made when it is first read.
int make_lazily(lua_State* state) {
  lua_pushvalue(state, 2);
  lua_rawget(state, lua_upvalueindex(1));
  const int type = lua_type(state, -1);
  if (type == LUA_TNIL) return 1;
  Evaluation& evaluation = evaluation_of(state);
  push_environment(state);
  const int environment = lua_gettop(state);
  if (type == LUA_TTABLE) {
    push_copy(state, 3);
  } else {
    const Question& question = *evaluation.question;
    const Client& client = *question.client;
    switch (static_cast<Lazy>(lua_tointeger(state, 3))) {
      case kQname:
        evaluation.evidence().query_name = true;
        push_name(state, question.qname_wire);
        break;
      case kZone:
        push_name(state, question.zone_wire);
        break;
      case kZoneId:
        lua_pushinteger(state, static_cast<lua_Integer>(question.zone_id));
        break;
      case kWho:
        push_address(state, client.who, 0, client.who.bits());
        break;
      case kBestWho:
        push_address(state, client.best(), 0, client.best().bits());
        break;
      case kEcsWho:
        evaluation.on_whole_client();
        if (client.ecs) push_netmask(state, *client.ecs);
        else lua_pushnil(state);
        break;
      case kLocalWho:
        evaluation.on_whole_client();
        push_address(state, client.local.value_or(dns::IpAddress{}), 0, 0);
        break;
      case kHeader:
        push_header(state);
        break;
      case kDnssecOk:
      case kTcp:
        lua_pushboolean(state, 0);
        break;
      case kEdnsSize:
        lua_pushinteger(state, -1);
        break;
      case kGlobals:
        lua_pushvalue(state, environment);
        break;
      case kLibrary:
        lua_pushnil(state);
        break;
    }
  }
  lua_pushvalue(state, 2);
  lua_pushvalue(state, -2);
  lua_rawset(state, environment);
  return 1;
}

struct OpenJob {
  Library library;
};

int open(lua_State* state) {
  const OpenJob job = *static_cast<OpenJob*>(lua_touserdata(state, 1));
  lua_newtable(state);
  const int base = lua_gettop(state);
  lua_newtable(state);
  const int lazy = lua_gettop(state);
  if (job.library == Library::kFull) open_everything(state, base);
  else open_sandbox(state, base, lazy);
  set_string_metatable(state);
  register_objects(state);
  for (const auto functions : {pick_functions(), health_functions(), geo_functions(), generate_functions(),
                               network_functions(), data_functions(), object_functions(), object_table_functions()}) {
    for (const FunctionEntry& entry : functions) {
      push_function(state, &entry);
      lua_setfield(state, base, entry.name);
    }
  }
  push_pdns_table(state);
  share_library(state, lazy, "pdns");
  push_geo_attributes(state);
  share_library(state, lazy, "GeoIPQueryAttribute");
  lua_newtable(state);
  share_library(state, lazy, "pdns_features");
  for (const auto& [name, what] : kLazyNames) {
    lua_pushinteger(state, what);
    lua_setfield(state, lazy, name);
  }

  lua_newtable(state);  // the metatable of `base`
  lua_pushvalue(state, lazy);
  lua_pushcclosure(state, make_lazily, 1);
  lua_setfield(state, -2, "__index");
  lua_setmetatable(state, base);

  lua_pushlightuserdata(state, &environment_metatable_key);
  lua_newtable(state);
  lua_pushvalue(state, base);
  lua_setfield(state, -2, "__index");
  lua_pushboolean(state, 0);
  lua_setfield(state, -2, "__metatable");
  lua_rawset(state, LUA_REGISTRYINDEX);
  return 0;
}

}  // namespace

Ended open_environment(State& state, Library library, Evaluation&, std::string& error) {
  OpenJob job{library};
  return state.run(open, &job, kUnlimited, error);
}

void push_environment(lua_State* state) {
  lua_pushlightuserdata(state, &environment_key);
  lua_rawget(state, LUA_REGISTRYINDEX);
}

void push_fresh_environment(lua_State* state, Evaluation&) {
  lua_newtable(state);  // most records set nothing in it
  lua_pushlightuserdata(state, &environment_metatable_key);
  lua_rawget(state, LUA_REGISTRYINDEX);
  lua_setmetatable(state, -2);
  lua_pushlightuserdata(state, &environment_key);
  lua_pushvalue(state, -2);
  lua_rawset(state, LUA_REGISTRYINDEX);
}

}  // namespace sdns::lua
