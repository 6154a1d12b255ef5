#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Builds the programs with each fault of faults.py; the suite must go red for every one of them.

usage: run.py [--list] [--first] [--work DIR] [NAME...]     exit code 1 when a fault survives, or does not fit the source any more

The test that the fault names runs first; a program of unit tests is built alone. If it stays green the integration tests
follow, and then all unit tests. The tree is copied, once for each of the SDNS_JOBS faults that are tried side by side: nothing
is changed in it. With --work what was built is kept in DIR for the next run; with --first only the test that the fault names runs.
"""
import concurrent.futures
import contextlib
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from faults import FAULTS  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TESTS = ("rfc_examples", "dnssec", "purge", "purge_denial", "follow", "bad_input", "restart", "crash", "database")
UNIT_LIMIT_S = 120
JOBS = int(os.environ.get("SDNS_JOBS") or os.cpu_count())


def copy_tree(target):
    """What is there already and the same is left alone: only what changed since is built again."""
    wanted = set()
    for part in ("CMakeLists.txt", "backend", "lua", "pdm", "registrars", "tests", "bench", "deploy"):
        top = ROOT / part
        for source in (top.rglob("*") if top.is_dir() else [top]):
            if not source.is_file() or "__pycache__" in source.parts:
                continue
            copy = target / source.relative_to(ROOT)
            wanted.add(copy)
            if not copy.exists() or copy.read_bytes() != source.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
            copy.chmod(source.stat().st_mode)
    for copy in target.rglob("*"):
        if copy.is_file() and copy not in wanted:
            copy.unlink()


def run(arguments, log, environment=None, timeout=1800):
    with open(log, "ab") as output:
        return subprocess.run([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                              env={**os.environ, **(environment or {})}, timeout=timeout, check=False).returncode


class DoesNotCompile(Exception):
    pass


class Mutants:
    """A copy of the tree and its build: only what a fault touches is built again."""

    def __init__(self, work, first_only):
        self.first_only = first_only
        work.mkdir(exist_ok=True)
        self.source, self.build = work / "source", work / "build"
        self.jobs = JOBS  # of one compilation
        # So that the next copy, elsewhere, finds what this one compiled.
        self.environment = {"CCACHE_BASEDIR": str(work)}
        self.source.mkdir(exist_ok=True)
        copy_tree(self.source)
        self.must(["cmake", "-S", self.source, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                   "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O0", "-DSDNS_WERROR=OFF", f"-DCMAKE_RUNTIME_OUTPUT_DIRECTORY={self.build}"], "configure")
        self.work = work

    def must(self, arguments, name):
        log = self.build.parent / f"{name}.log"
        if run(arguments, log, self.environment, timeout=7200) != 0:
            raise SystemExit(f"{name} failed:\n{log.read_text(errors='replace')[-3000:]}")

    def compile(self, log, *targets):
        return run(["ninja", "-C", self.build, "-j", self.jobs, *targets], log, self.environment, timeout=7200) == 0

    def unit(self, program, log):
        """True: green. A fault may let it wait for ever."""
        try:
            return run([self.build / program], log, timeout=UNIT_LIMIT_S) == 0
        except subprocess.TimeoutExpired:
            return False

    def integration(self, test, log):
        """True: green."""
        environment = {"SDNS_DAEMON": str(self.build / "sovereign-dnsd"), "SDNS_CTL": str(self.build / "sdnsctl"), "SDNS_LONG": ""}
        try:
            return run(["/usr/bin/python3", "-B", self.source / "tests" / "integration" / f"{test}_test.py", "--failfast"], log,
                       environment) == 0
        except subprocess.TimeoutExpired:
            return False

    def green(self, test, log):
        """Whether a test that a fault may name, as "unit:purge_plan_test" or "purge", is green. Builds what it needs."""
        unit = test.removeprefix("unit:") if test.startswith("unit:") else None
        if not self.compile(log, *([unit] if unit else ["sovereign-dnsd", "sdnsctl"])):
            raise DoesNotCompile(f"{log.stem}: {unit or 'the programs'} do not compile:\n{log.read_text(errors='replace')[-3000:]}")
        return self.unit(unit, log) if unit else self.integration(test, log)

    def prepare(self, tests, run_them):
        """Builds what these tests need, and with `run_them` sees them green."""
        log = self.work / "baseline.log"
        units = [test.removeprefix("unit:") for test in tests if test.startswith("unit:")]
        if not self.compile(log, "sovereign-dnsd", "sdnsctl", *units):
            raise SystemExit(f"the tree does not compile:\n{log.read_text(errors='replace')[-3000:]}")
        for test in tests if run_them else ():
            if not self.green(test, log):
                raise SystemExit(f"{test} is red without any fault:\n{log.read_text(errors='replace')[-3000:]}")
        self.jobs = 1  # from here on others work beside it

    def verdict(self, fault):
        """What went red; None when nothing did."""
        log = self.work / f"{fault.name}.log"
        others = () if self.first_only else (test for test in TESTS if test != fault.first)
        for test in (fault.first, *others):
            if not self.green(test, log):
                return test if test.startswith("unit:") else f"{test}_test.py"
        if self.first_only:
            return None
        if not self.compile(log, "unit_tests"):
            raise DoesNotCompile(f"{fault.name}: the unit tests do not compile:\n{log.read_text(errors='replace')[-3000:]}")
        if run(["ctest", "--test-dir", self.build, "-L", "unit", "-j", self.jobs, "--stop-on-failure"], log) != 0:
            return "unit tests"
        return None

    def try_fault(self, fault):
        file = self.source / fault.file
        original = file.read_text()
        if original.count(fault.text) != 1:
            return f"STALE: its text is {original.count(fault.text)} times in {fault.file}"
        file.write_text(original.replace(fault.text, fault.replacement))
        try:
            red = self.verdict(fault)
        except DoesNotCompile as problem:
            return str(problem)
        finally:
            file.write_text(original)
        return f"red in {red}" if red else "SURVIVED"


def main():
    arguments = sys.argv[1:]
    if "--list" in arguments:
        for fault in FAULTS:
            print(f"{fault.name:36} {fault.what}")
        return 0
    kept = None
    first_only = "--first" in arguments
    arguments = [argument for argument in arguments if argument != "--first"]
    if "--work" in arguments:
        at = arguments.index("--work")
        kept = pathlib.Path(arguments[at + 1]).resolve()
        kept.mkdir(parents=True, exist_ok=True)
        del arguments[at:at + 2]
    unknown = set(arguments) - {fault.name for fault in FAULTS}
    if unknown:
        raise SystemExit(f"no such fault: {', '.join(sorted(unknown))}")
    twice = {fault.name for fault in FAULTS if sum(fault.name == other.name for other in FAULTS) > 1}
    if twice:
        raise SystemExit(f"several faults have one name: {', '.join(sorted(twice))}")
    chosen = [fault for fault in FAULTS if not arguments or fault.name in arguments]
    with tempfile.TemporaryDirectory(prefix="sdns-mutants-") if kept is None else contextlib.nullcontext(kept) as name:
        started = time.monotonic()
        firsts = sorted({fault.first for fault in chosen})
        idle = queue.Queue()
        for number in range(min(JOBS, len(chosen))):
            mutants = Mutants(pathlib.Path(name) / str(number), first_only)
            mutants.prepare(firsts, number == 0)
            idle.put(mutants)

        def attempt(fault):
            mutants = idle.get()
            try:
                result = mutants.try_fault(fault)
            finally:
                idle.put(mutants)
            print(f"{(time.monotonic() - started) / 60:5.1f} min  {fault.name:36} {result}", flush=True)
            return result

        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            bad = sum(not result.startswith("red") for result in pool.map(attempt, chosen))
    print(f"{len(chosen)} faults, {len(chosen) - bad} noticed")
    return 1 if bad or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
