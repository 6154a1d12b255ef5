-- SPDX-License-Identifier: MIT
-- What name servers say of themselves, and of targets. Neither takes a revision. Nothing wrote `node` before. Times are
-- milliseconds since 1970.

DROP TABLE node;

-- `last_seen` is by the database's own clock where it has one, `clock` by the node's at that moment. `beat` grows with
-- each heartbeat. `incarnation` is another one whenever what is known elsewhere of the node's verdicts may be wrong.
-- `verdicts` is the number of its last verdict, `verdicts_floor` the greatest number of one that was deleted.
CREATE TABLE node (
  name TEXT NOT NULL PRIMARY KEY,
  applied_revision {int} NOT NULL,
  last_seen {int} NOT NULL,
  serve_until {int} NOT NULL,
  clock {int} NOT NULL,
  started {int} NOT NULL,
  beat {int} NOT NULL,
  incarnation {int} NOT NULL,
  version TEXT NOT NULL,
  verdicts {int} NOT NULL,
  verdicts_floor {int} NOT NULL
) {clustered};

-- What a node's probes say of a health check, by the BLAKE2b-256 of its identity (which may be 8 KiB, and may hold what
-- is secret). 'unknown': the node has no such check any more. `number` grows with each row that the node writes.
CREATE TABLE verdict (
  node TEXT NOT NULL,
  check_digest {bytes} NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('up', 'down', 'unknown')),
  changed {int} NOT NULL,
  number {int} NOT NULL,
  PRIMARY KEY (node, check_digest)
) {clustered};
CREATE INDEX verdict_number ON verdict (node, number);
CREATE INDEX verdict_check ON verdict (check_digest);
