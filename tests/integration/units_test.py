#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What is shipped in deploy/ is accepted by what reads it: systemd, pdns_server, sovereign-dnsd."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

DEPLOY = harness.SOURCE / "deploy"


def run(*arguments, **options):
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **options)


def package_of(library):
    """The package that a library is of, whichever of the merged directories dpkg knows it by."""
    path = pathlib.Path(library)
    for name in {path, path.resolve()}:
        for spelled in (str(name), str(name).removeprefix("/usr"), f"/usr{name}"):
            if (done := run("dpkg", "-S", spelled)).returncode == 0:
                return done.stdout.split(":")[0]
    raise AssertionError(f"{library} is of no package")


class Shipped(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sdns-units-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    UNITS = (("sovereign-dnsd", "SDNS_DAEMON"), ("sovereign-pdm", "SDNS_PDM"))

    def test_systemd_accepts_the_units(self):
        for name, variable in self.UNITS:
            unit = (DEPLOY / "systemd" / f"{name}.service").read_text()
            # The program is where the build has put it, not where the package will.
            unit = unit.replace(f"/usr/bin/{name}", harness.program(variable, name))
            (self.directory / f"{name}.service").write_text(unit)
            done = run("systemd-analyze", "verify", "--man=no", self.directory / f"{name}.service")
            self.assertEqual((done.returncode, [line for line in done.stderr.splitlines() if name in line]), (0, []))

    def test_units_are_sandboxed(self):
        for name, _ in self.UNITS:
            # 0 is the safest; what is left is the network and its own files.
            done = run("systemd-analyze", "security", "--offline=yes", "--no-pager", DEPLOY / "systemd" / f"{name}.service")
            match = re.search(r"Overall exposure level for .*: ([0-9.]+)", done.stdout)
            self.assertTrue(match, done.stdout + done.stderr)
            self.assertLess(float(match.group(1)), 2.5, done.stdout)

    def test_sovereign_pdm_accepts_the_sample_configuration(self):
        done = run(harness.program("SDNS_PDM", "sovereign-pdm"), "--config", DEPLOY / "pdm.example.toml", "--check-config")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_unit_lets_programs_of_health_checks_run(self):
        def calls(names):
            found = set()
            for name in names:
                if name.startswith("@"):
                    lines = run("systemd-analyze", "syscall-filter", "--no-pager", name).stdout.splitlines()
                    found |= calls([line.strip() for line in lines if line.startswith("    ") and not line.strip().startswith("#")])
                else:
                    found.add(name)
            return found

        allowed = calls(["@default"])  # systemd never takes these away
        unit = (DEPLOY / "systemd" / "sovereign-dnsd.service").read_text()
        for filtered in re.findall(r"^SystemCallFilter=(.*)$", unit, flags=re.M):
            if filtered.startswith("~"):
                allowed -= calls(filtered[1:].split()) - calls(["@default"])
            else:
                allowed |= calls(filtered.split())
        # posix_spawn, the shell's limits, what becomes of the program, and the end of it.
        needed = {"clone", "clone3", "vfork", "execve", "setsid", "chdir", "dup2", "close_range", "prlimit64", "umask",
                  "pipe2", "pidfd_open", "waitid", "wait4", "kill", "rt_sigaction", "rt_sigprocmask"}
        self.assertEqual(needed - allowed, set())
        self.assertNotRegex(unit, r"(?m)^(NoExecPaths|ExecPaths)=")

    def test_powerdns_knows_every_setting_of_the_shipped_configuration(self):
        text = (DEPLOY / "pdns.conf").read_text().replace("include-dir=/etc/powerdns/pdns.d", "include-dir=")
        (self.directory / "pdns.conf").write_text(text)
        done = run("/usr/sbin/pdns_server", f"--config-dir={self.directory}", "--config=check")
        self.assertEqual((done.returncode, done.stderr.strip()), (0, ""))

    def test_every_setting_of_the_shipped_powerdns_configuration_has_its_reason(self):
        reason = False
        for line in (DEPLOY / "pdns.conf").read_text().splitlines():
            if line.startswith("#"):
                reason = True
            elif not line.strip():
                reason = False
            else:
                self.assertTrue(reason, f"{line} stands below no comment")

    def test_daemon_accepts_the_example_configuration(self):
        example = DEPLOY / "config.example.toml"
        text = example.read_text()
        # Its paths are those of an installed system.
        text = re.sub(r'/(?:var/lib|run|etc)/[a-z-]+/', f"{self.directory}/", text)
        (self.directory / "api-key").write_text("key")
        (self.directory / "api-key").chmod(0o600)
        (self.directory / "config.toml").write_text(text)
        done = run(harness.program("SDNS_DAEMON", "sovereign-dnsd"), "--config", self.directory / "config.toml", "--check-config")
        problems = [line for line in done.stderr.splitlines() if "api_key_file" not in line and "peers" not in line and line.startswith("  ")]
        self.assertEqual(problems, [], done.stdout + done.stderr)

    def test_package_list_has_every_set_that_the_commands_install(self):
        text = (DEPLOY / "packages.txt").read_text()
        for name in ("build", "run", "runtime", "test"):
            self.assertIn(f"[{name}]", text)
        documented = (harness.SOURCE / "docs" / "dependencies.md").read_text()
        packages = [line for line in text.splitlines() if line and line[0] not in "#["]
        self.assertEqual([package for package in packages if f"`{package}`" not in documented], [])

    @unittest.skipIf(harness.SANITIZED, "programs with a sanitizer are linked with its libraries too")
    def test_package_list_has_the_libraries_that_the_programs_are_linked_with(self):
        needed = set()
        for program in (harness.program("SDNS_DAEMON", "sovereign-dnsd"), harness.program("SDNS_CTL", "sdnsctl")):
            names = re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", program).stdout)
            paths = dict(re.findall(r"(\S+) => (\S+)", run("ldd", program).stdout))
            self.assertIn("libuv.so.1" if "dnsd" in program else "libldns.so.3", names)
            needed.update(package_of(paths[name]) for name in names)
        runtime = (DEPLOY / "packages.txt").read_text().split("\n[runtime]\n")[1].split("\n[")[0].split()
        always = {"libc6", "libgcc-s1"}  # Debian has no system without these
        self.assertEqual({package for package in runtime if package.startswith("lib")}, needed - always)
        self.assertLessEqual({"pdns-server", "pdns-backend-remote", "ca-certificates"}, set(runtime))


if __name__ == "__main__":
    harness.main()
