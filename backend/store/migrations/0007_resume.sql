-- SPDX-License-Identifier: MIT
-- What operators say of targets may also be `resume`: nothing is forced, and what is down may rise.

ALTER TABLE health_override RENAME TO health_override_before;

CREATE TABLE health_override (
  target TEXT NOT NULL PRIMARY KEY,
  verdict TEXT NOT NULL CHECK (verdict IN ('up', 'down', 'drain', 'resume')),
  reason TEXT NOT NULL,
  who TEXT NOT NULL,
  since {int} NOT NULL,
  until {int} NOT NULL,
  revision {int} NOT NULL
) {clustered};

INSERT INTO health_override (target, verdict, reason, who, since, until, revision)
  SELECT target, verdict, reason, who, since, until, revision FROM health_override_before;

DROP TABLE health_override_before;
