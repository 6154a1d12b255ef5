// SPDX-License-Identifier: MIT
#include "lua/runtime.h"

#include <fmt/format.h>

#include "lua/call.h"
#include "lua/chunks.h"
#include "lua/environment.h"
#include "lua/location_memo.h"
#include "lua/objects.h"
#include "lua/state.h"

namespace sdns::lua {
namespace {

struct CompileJob {
  const Code* code;
  int reference;
};

int compile(lua_State* state) {
  auto& job = *static_cast<CompileJob*>(lua_touserdata(state, 1));
  const std::string& source = job.code->source;
  if (luaL_loadbufferx(state, source.data(), source.size(), "=record", "t") != 0) return lua_error(state);
  job.reference = keep(state);
  return 0;
}

struct RunJob {
  Evaluation* evaluation;
  int reference;
};

// A string or number is one value; a table whose keys are like numbers is its values; a target pool is what it chooses.
int take_results(lua_State* state, Evaluation& evaluation) {
  const Call call{state, evaluation, meter_of(state)};
  auto& contents = evaluation.values->contents;
  std::string_view text;
  if (call.text(-1, text)) {
    if (text.size() > kMostListOctets)
      return luaL_error(state, "it returned more than %d octets", static_cast<int>(kMostListOctets));
    contents.emplace_back(text);
    return 0;
  }
  if (pool_at(state, -1) != nullptr) {
    const int results = choose_from_pool(call, lua_gettop(state));
    if (call.meter.over()) return raise_over_budget(state);
    if (results < 0) {
      lua_pushlstring(state, evaluation.scratch.error.data(), evaluation.scratch.error.size());
      return lua_error(state);
    }
  }
  if (!lua_istable(state, -1))
    return luaL_error(state, "it returned a %s; a string, a number or a table of these is needed",
                      luaL_typename(state, -1));
  evaluation.scratch.texts.clear();
  if (!call.texts(lua_gettop(state), evaluation.scratch.texts,
                  "the table that it returned has a key that is no number, or a value that is no string")) {
    if (call.meter.over()) return raise_over_budget(state);
    lua_pushlstring(state, evaluation.scratch.error.data(), evaluation.scratch.error.size());
    return lua_error(state);
  }
  for (std::size_t i = 0; i < evaluation.scratch.texts.size(); ++i) contents.emplace_back(evaluation.scratch.texts[i]);
  return 0;
}

int run(lua_State* state) {
  const RunJob job = *static_cast<RunJob*>(lua_touserdata(state, 1));
  push_kept(state, job.reference);
  push_fresh_environment(state, *job.evaluation);
  lua_setfenv(state, -2);
  lua_call(state, 0, 1);
  return take_results(state, *job.evaluation);
}

}  // namespace

struct Runtime::Impl {
  Impl(RuntimeOptions wanted, const Clock& time) : options(std::move(wanted)), clock(time) {
    evaluation.options = &options;
    evaluation.locations = &locations;
    evaluation.chunks = &chunks;
    renew();
  }

  void renew() {
    state = State::make();
    chunks.clear();
    ++generation;
    if (!state) return;
    state->set_context(&evaluation);
    std::string error;
    if (open_environment(*state, options.library, evaluation, error) != Ended::kReturned) state.reset();
  }

  bool compiled(Script& script, Values& out) {
    if (script.generation_ == generation && script.reference_ >= 0) return true;
    script.reference_ = -1;
    if (!script.refused_.empty()) {
      out.failure = Failure::kError;
      out.error = script.refused_;
      return false;
    }
    CompileJob job{&script.code(), -1};
    const Ended ended = state->run(compile, &job, kCompileLimits, out.error);
    if (ended == Ended::kReturned) {
      script.reference_ = job.reference;
      script.generation_ = generation;
      return true;
    }
    out.failure = ended == Ended::kNoMemory ? Failure::kNoMemory : Failure::kError;
    if (ended == Ended::kError) script.refused_ = out.error;
    return false;
  }

  // What the code has set in its environment is garbage.
  void leave_environment(int reference) const {
    lua_State* const lua = state->get();
    push_kept(lua, reference);
    lua_pushvalue(lua, LUA_GLOBALSINDEX);
    lua_setfenv(lua, -2);
    lua_pop(lua, 1);
  }

  void count_overrun(Script& script) {
    if (++script.overran_ < options.overruns) return;
    script.break_ =
        script.break_.count() == 0 ? options.shortest_break : std::min(script.break_ * 2, options.longest_break);
    script.not_before_ = clock.now() + script.break_;
  }

  // Compiling spends no steps; a record is at most 65 535 octets of RDATA.
  static constexpr Limits kCompileLimits{1'000'000, 1'000'000'000, std::size_t{16} << 20};

  RuntimeOptions options;
  const Clock& clock;
  LocationMemo locations;
  Chunks chunks;
  Evaluation evaluation;
  std::unique_ptr<State> state;
  std::uint64_t generation = 0;
  std::uint64_t steps = 0;
};

Runtime::Runtime(RuntimeOptions options, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), clock)) {}
Runtime::~Runtime() = default;

void Runtime::evaluate(Script& script, const Question& question, const Sources& sources, Values& out, Trace* trace) {
  Impl& impl = *impl_;
  out.clear();
  impl.steps = 0;
  if (script.break_.count() != 0 && impl.clock.now() < script.not_before_) {
    out.failure = Failure::kBrokenOff;
    out.error = fmt::format("it took too long {} times in a row and is not run for a while", script.overran_);
    return;
  }
  if (impl.state && impl.state->memory_octets() > impl.options.most_state_octets) impl.state.reset();
  if (!impl.state) impl.renew();
  if (!impl.state) {
    out.failure = Failure::kNoMemory;
    out.error = "no memory for Lua";
    return;
  }
  if (!impl.compiled(script, out)) return;
  impl.evaluation.question = &question;
  impl.evaluation.sources = &sources;
  impl.evaluation.values = &out;
  impl.evaluation.trace = trace;
  impl.evaluation.includes = 0;
  impl.evaluation.evidence_octets = 0;
  impl.evaluation.exceeded = nullptr;
  impl.locations.use(sources.geo);
  RunJob job{&impl.evaluation, script.reference_};
  const Ended ended = impl.state->run(run, &job, impl.options.limits, out.error);
  impl.steps = impl.state->meter().used();
  impl.chunks.leave_environments(impl.state->get());
  if (trace) trace->finish();
  impl.leave_environment(script.reference_);
  if (ended != Ended::kReturned) out.contents.clear();
  switch (ended) {
    case Ended::kReturned:
      break;
    case Ended::kError:
      out.failure = Failure::kError;
      break;
    case Ended::kOverBudget:
      out.failure = Failure::kOverBudget;
      if (impl.evaluation.exceeded) out.error = impl.evaluation.exceeded;
      break;
    case Ended::kNoMemory:
      out.failure = Failure::kNoMemory;
      break;
  }
  if (ended == Ended::kOverBudget || ended == Ended::kNoMemory) {
    impl.count_overrun(script);
  } else {
    script.overran_ = 0;
    script.break_ = {};
  }
}

void Runtime::forget(Script& script) {
  if (impl_->state && script.generation_ == impl_->generation && script.reference_ >= 0)
    impl_->state->drop(script.reference_);
  script.reference_ = -1;
}

Result<void> Runtime::check(const Code& code) {
  Script script(code);
  Values out;
  if (!impl_->state) return fail(Errc::kUnavailable, "no memory for Lua");
  if (impl_->compiled(script, out)) {
    forget(script);
    return {};
  }
  return fail(Errc::kInvalidRecord, fmt::format("the code does not compile: {}", out.error),
              "PowerDNS answers SERVFAIL for it, and so do we");
}

std::size_t Runtime::memory_octets() const { return impl_->state ? impl_->state->memory_octets() : 0; }
std::uint64_t Runtime::steps_used() const { return impl_->steps; }

}  // namespace sdns::lua
