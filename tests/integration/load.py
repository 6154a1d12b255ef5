# SPDX-License-Identifier: MIT
"""A steady stream of questions: each asker sends one, waits for its answer, sends the next. Nothing is asked twice, so a
lost or refused question shows."""
import collections
import threading

import dns.exception
import dns.rcode


class Load:
    def __init__(self, server, name_of, rrtype="A", askers=4, timeout=10):
        self.server, self.name_of, self.rrtype, self.timeout = server, name_of, rrtype, timeout
        self.outcomes = collections.Counter()
        self.failed = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._number = 0
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(askers)]

    def _ask(self):
        while not self._stop.is_set():
            with self._lock:
                self._number += 1
                name = self.name_of(self._number)
            try:
                outcome = dns.rcode.to_text(self.server.query(name, self.rrtype, timeout=self.timeout).rcode())
            except dns.exception.Timeout:
                outcome = "lost"
            except OSError as error:
                outcome = f"error {error.errno}"
            with self._lock:
                self.outcomes[outcome] += 1
                if outcome != "NOERROR":
                    self.failed.append((name, outcome))

    @property
    def answered(self):
        with self._lock:
            return self.outcomes["NOERROR"]

    def failures(self):
        with self._lock:
            return list(self.failed)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
