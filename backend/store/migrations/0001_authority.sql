-- SPDX-License-Identifier: MIT
-- The authority database: zones, their data and keys, and the journal that nodes follow.
--
-- Written for SQLite and PostgreSQL: {int} is a 64-bit integer, {bytes} an octet string that compares octet by octet,
-- {clustered} keeps the rows of a table in the order of its primary key, where the database can. A line that begins with
-- the mark of one of them is for that one alone.
--
-- Names are canonical: `owner` and `apex_key` are dns::Name::key, whose octet order is the canonical order of names
-- (RFC 4034 section 6.1) and in which a name's key is a prefix of the keys of all names below it.

CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) {clustered};

CREATE TABLE migration (
  version {int} NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  applied_at {int} NOT NULL
) {clustered};

-- Numbers that never go back: ids of zones (caches are keyed by them) and of keys.
-- Sequences, where a row would make its writers wait for each other.
--sqlite: CREATE TABLE counter (
--sqlite:   name TEXT NOT NULL PRIMARY KEY,
--sqlite:   value {int} NOT NULL
--sqlite: ) {clustered};
--sqlite: INSERT INTO counter (name, value) VALUES ('zone', 0), ('cryptokey', 0);
--postgresql: CREATE SEQUENCE counter_zone;
--postgresql: CREATE SEQUENCE counter_cryptokey;

CREATE TABLE zone (
  id {int} NOT NULL PRIMARY KEY,
  apex TEXT NOT NULL,
  apex_key {bytes} NOT NULL UNIQUE,
  kind {int} NOT NULL,
  account TEXT NOT NULL,
  primaries TEXT NOT NULL,
  notified_serial {int} NOT NULL,
  last_check {int} NOT NULL,
  serial_policy {int} NOT NULL,
  serial {int},
  revision {int} NOT NULL
) {clustered};

-- `item` counts the records of an RRset in order of their contents.
CREATE TABLE record (
  zone {int} NOT NULL REFERENCES zone (id),
  owner {bytes} NOT NULL,
  type {int} NOT NULL,
  item {int} NOT NULL,
  ttl {int} NOT NULL,
  disabled {int} NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (zone, owner, type, item)
) {clustered};

CREATE TABLE zone_metadata (
  zone {int} NOT NULL REFERENCES zone (id),
  kind TEXT NOT NULL,
  item {int} NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (zone, kind, item)
) {clustered};

CREATE TABLE cryptokey (
  zone {int} NOT NULL REFERENCES zone (id),
  id {int} NOT NULL,
  flags {int} NOT NULL,
  active {int} NOT NULL,
  published {int} NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (zone, id)
) {clustered};

CREATE TABLE tsig_key (
  name_key {bytes} NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  secret TEXT NOT NULL
) {clustered};

-- One row per revision. The last one is where the database is; the first one is the floor below which history is pruned.
CREATE TABLE journal (
  revision {int} NOT NULL PRIMARY KEY,
  epoch {int} NOT NULL,
  committed_at {int} NOT NULL,
  who TEXT NOT NULL,
  digest {bytes} NOT NULL,
  chain {bytes} NOT NULL
) {clustered};

-- What a revision touched: `kind` as store::ChangeKind. `owner` and `type` are of an RRset, else empty and 0.
CREATE TABLE change (
  revision {int} NOT NULL,
  zone {int} NOT NULL,
  kind {int} NOT NULL,
  owner {bytes} NOT NULL,
  type {int} NOT NULL,
  PRIMARY KEY (revision, zone, kind, owner, type)
) {clustered};

CREATE TABLE node (
  name TEXT NOT NULL PRIMARY KEY,
  applied_revision {int} NOT NULL,
  last_seen {int} NOT NULL,
  serve_until {int} NOT NULL
) {clustered};
