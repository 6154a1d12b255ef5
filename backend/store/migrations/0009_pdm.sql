-- SPDX-License-Identifier: MIT
-- What PDM keeps: names given out of pool domains, answers to be repeated, the audit trail, work in steps, API tokens.
-- Times are milliseconds since 1970. Nothing here is served: it takes no revision.

-- One row per name that was ever reserved; it stays when the name is free again, with its generation. `state` as
-- store::AllocationState. `held` 1: the reservation lives until expires_at, whatever the state. `due_at`: when time alone
-- changes the row. `zone` 0: there is none.
CREATE TABLE allocation (
  pool_domain TEXT NOT NULL,
  subdomain TEXT NOT NULL,
  state {int} NOT NULL,
  generation {int} NOT NULL,
  owner TEXT NOT NULL,
  created_by TEXT NOT NULL,
  held {int} NOT NULL,
  reservation TEXT NOT NULL,
  reserved_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  committed_at {int} NOT NULL,
  released_at {int} NOT NULL,
  quarantined_until {int} NOT NULL,
  due_at {int},
  sovereign_fqdn TEXT NOT NULL,
  load_balancer_ip TEXT NOT NULL,
  console_ip TEXT NOT NULL,
  addresses TEXT NOT NULL,
  zone {int} NOT NULL,
  PRIMARY KEY (pool_domain, subdomain)
) {clustered};
CREATE INDEX allocation_due ON allocation (due_at) WHERE due_at IS NOT NULL;

-- Answers that a repeated Idempotency-Key gets again. `reservation` names the token that belongs into the answer and is
-- made again from the server's key.
CREATE TABLE idempotency (
  principal TEXT NOT NULL,
  key TEXT NOT NULL,
  request {bytes} NOT NULL,
  status {int} NOT NULL,
  body TEXT NOT NULL,
  reservation TEXT NOT NULL,
  created_at {int} NOT NULL,
  PRIMARY KEY (principal, key)
) {clustered};
CREATE INDEX idempotency_age ON idempotency (created_at);

-- Append only. Each writer has a chain of its own, so that writers do not wait for each other: hash = H(previous hash of
-- the chain, chain, number, and what the row says). The first row of a chain tells the last hashes of the others.
CREATE TABLE audit (
  chain TEXT NOT NULL,
  number {int} NOT NULL,
  at {int} NOT NULL,
  who TEXT NOT NULL,
  verb TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL,
  hash {bytes} NOT NULL,
  PRIMARY KEY (chain, number)
) {clustered};

-- Work in steps. A step and what it changes are one transaction; `step` says what comes next, `due_at` not before when,
-- `revision` what every node has to serve before (0: what stands in the row's own transaction), `wait_ms` how long to wait
-- from then on.
CREATE TABLE task (
  kind TEXT NOT NULL,
  object TEXT NOT NULL,
  step {int} NOT NULL,
  revision {int} NOT NULL,
  wait_ms {int} NOT NULL,
  started_at {int} NOT NULL,
  due_at {int} NOT NULL,
  attempts {int} NOT NULL,
  last_error TEXT NOT NULL,
  PRIMARY KEY (kind, object)
) {clustered};
CREATE INDEX task_due ON task (due_at);

-- `hash` is of the token, which is not kept. `scopes`: one a line.
CREATE TABLE api_token (
  id TEXT NOT NULL PRIMARY KEY,
  hash {bytes} NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  scopes TEXT NOT NULL,
  note TEXT NOT NULL,
  created_at {int} NOT NULL,
  created_by TEXT NOT NULL,
  expires_at {int} NOT NULL,
  revoked_at {int} NOT NULL
) {clustered};
