# SPDX-License-Identifier: MIT
"""A fault: name, what is wrong, file, text (found exactly once), what replaces it, and the test that is asked first: an
integration test's name, or "unit:" and a program of unit tests."""
import collections

Fault = collections.namedtuple("Fault", "name what file text replacement first")
