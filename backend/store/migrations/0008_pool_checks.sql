-- SPDX-License-Identifier: MIT
-- Several questions to the targets of a pool, and targets that are probed at another address than the one answered.

-- `item` counts the checks in the order in which they were given; a check has a row for each of its options.
CREATE TABLE pool_check (
  pool TEXT NOT NULL REFERENCES target_pool (name),
  item {int} NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (pool, item, name)
) {clustered};

ALTER TABLE pool_member ADD COLUMN probe TEXT;
