-- SPDX-License-Identifier: MIT
-- Target pools: targets that are defined once and used by many records. A pool's name is the `owner` of its change rows,
-- which are of zone 0.

CREATE TABLE target_pool (
  name TEXT NOT NULL PRIMARY KEY,
  revision {int} NOT NULL
) {clustered};

CREATE TABLE pool_option (
  pool TEXT NOT NULL REFERENCES target_pool (name),
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (pool, name)
) {clustered};

-- `item` counts the members in the order in which they are tried. Degrees are decimal text: what is read is what was
-- written, in every database.
CREATE TABLE pool_member (
  pool TEXT NOT NULL REFERENCES target_pool (name),
  item {int} NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  weight {int} NOT NULL,
  standby_group {int} NOT NULL,
  region TEXT NOT NULL,
  latitude TEXT,
  longitude TEXT,
  enabled {int} NOT NULL,
  PRIMARY KEY (pool, item),
  UNIQUE (pool, name),
  UNIQUE (pool, address)
) {clustered};
