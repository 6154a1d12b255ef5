// SPDX-License-Identifier: MIT
#include "backend/health/prober.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "backend/health/probe_dns.h"
#include "backend/health/probe_exec.h"
#include "backend/health/probe_tcp.h"

namespace sdns::health {
namespace {

using std::chrono::steady_clock;

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace

struct Prober::Impl {
  // A probe under way. Its timer is its deadline, and the way out of start() for one that was over at once.
  class Probe final : public ProbePoller::Timer, public ProbeSink {
   public:
    Probe(Impl& impl, ProbeId id, std::shared_ptr<const ProbeSpec> spec, Callback callback)
        : Timer(*impl.poller), impl_(impl), id_(id), spec_(std::move(spec)), callback_(std::move(callback)) {}

    void begin() {
      began_ = steady_clock::now();
      early_ = impl_.refusal(*spec_);
      if (!early_) {
        run_ = impl_.make_run(*spec_, *this);
        early_ = run_->start();
      }
      arm(early_ ? began_ : began_ + spec_->timeout);
    }
    void expired() override {
      done(early_ ? std::move(*early_)
                  : probe_failed(run_->overdue(),
                                 fmt::format("{} within {} ms", run_->waiting_for(), spec_->timeout.count())));
    }
    void done(ProbeResult result) override {
      result.total = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began_);
      const auto self = impl_.probes.extract(id_);
      run_.reset();  // its descriptors are free for what the callback starts
      disarm();
      callback_(id_, result);
    }

   private:
    Impl& impl_;
    const ProbeId id_;
    const std::shared_ptr<const ProbeSpec> spec_;
    const Callback callback_;
    SteadyTime began_{};
    std::optional<ProbeResult> early_;
    std::unique_ptr<ProbeRun> run_;
  };

  Impl(std::unique_ptr<ProbePoller> p, const TargetPolicy& policy, Random& random, const ProberOptions& o)
      : options(o),
        poller(std::move(p)),
        reaper(*poller),
        resolver(*poller, o.resolver),
        curl(*poller),
        world{*poller, reaper, policy, random} {}

  [[nodiscard]] std::optional<ProbeResult> refusal(const ProbeSpec& spec) const {
    const auto* exec = std::get_if<ExecProbe>(&spec.kind);
    if (exec != nullptr && exec->argv.empty())
      return probe_failed(ProbeFailure::kDisabled, fmt::format("no [[health.program]] has the name {}", exec->name));
    if (auto good = check_probe(spec); !good) return probe_failed(ProbeFailure::kInvalid, to_text(good.error()));
    const auto* http = std::get_if<HttpProbe>(&spec.kind);
    const bool resolved = http != nullptr && http->host == HttpHost::kResolved;
    if (spec.origin == ProbeOrigin::kZoneData && !resolved)
      if (auto allowed = world.policy.check(spec.address); !allowed)
        return probe_failed(ProbeFailure::kForbidden, allowed.error().what);
    if (exec != nullptr && !options.exec_allowed)
      return probe_failed(ProbeFailure::kDisabled, "programs are not run; the configuration has to allow it");
    return std::nullopt;
  }

  std::unique_ptr<ProbeRun> make_run(const ProbeSpec& spec, ProbeSink& sink) {
    return std::visit(
        Overloaded{[&](const TcpProbe&) { return make_tcp_run(world, spec, sink); },
                   [&](const HttpProbe&) { return make_http_run(world, curl, resolver, options.http, spec, sink); },
                   [&](const DnsProbe&) { return make_dns_run(world, spec, sink); },
                   [&](const ExecProbe&) { return make_exec_run(world, spec, sink); }},
        spec.kind);
  }

  const ProberOptions options;
  std::unique_ptr<ProbePoller> poller;
  ProbeReaper reaper;
  ProbeResolver resolver;
  CurlMulti curl;
  ProbeWorld world;
  ProbeId last_id = 0;
  std::unordered_map<ProbeId, std::unique_ptr<Probe>> probes;  // before everything they use, at the end
};

Result<std::unique_ptr<Prober>> Prober::make(uv_loop_s& loop, const TargetPolicy& policy, Random& random,
                                             const ProberOptions& options) {
  auto poller = ProbePoller::make(loop);
  if (!poller) return fail(poller.error());
  return std::unique_ptr<Prober>(new Prober(std::make_unique<Impl>(std::move(*poller), policy, random, options)));
}

Prober::Prober(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Prober::~Prober() = default;

ProbeId Prober::start(std::shared_ptr<const ProbeSpec> spec, Callback callback) {
  const ProbeId id = ++impl_->last_id;
  auto probe = std::make_unique<Impl::Probe>(*impl_, id, std::move(spec), std::move(callback));
  Impl::Probe& started = *probe;
  impl_->probes.emplace(id, std::move(probe));
  started.begin();
  return id;
}

bool Prober::cancel(ProbeId id) { return !impl_->probes.extract(id).empty(); }

void Prober::set_policy(const TargetPolicy& policy) { impl_->world.policy = policy; }

std::size_t Prober::under_way() const { return impl_->probes.size(); }

}  // namespace sdns::health
