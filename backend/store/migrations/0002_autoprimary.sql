-- SPDX-License-Identifier: MIT
-- Whose NOTIFY makes a secondary zone. `nameserver` is a canonical name with its final dot.

CREATE TABLE autoprimary (
  address TEXT NOT NULL,
  nameserver TEXT NOT NULL,
  account TEXT NOT NULL,
  PRIMARY KEY (address, nameserver)
) {clustered};
