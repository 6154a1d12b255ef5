-- SPDX-License-Identifier: MIT
-- What operators say of targets, whatever their checks say. A target, in its canonical spelling, is the `owner` of its
-- change rows, which are of zone 0. Times are seconds since 1970; `until` 0: until it is taken back.

CREATE TABLE health_override (
  target TEXT NOT NULL PRIMARY KEY,
  verdict TEXT NOT NULL CHECK (verdict IN ('up', 'down')),
  reason TEXT NOT NULL,
  who TEXT NOT NULL,
  since {int} NOT NULL,
  until {int} NOT NULL,
  revision {int} NOT NULL
) {clustered};
