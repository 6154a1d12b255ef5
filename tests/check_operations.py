#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares docs/operations.md and deploy/config.example.toml with what the daemon's source says: events, metrics, settings,
command line, paths of the admin HTTP. Usage: check_operations.py SOURCE_DIRECTORY"""

import pathlib
import re
import sys

LOG_CALL = re.compile(r"(?:\.|->)(?:debug|info|warn|error|event)\((?!\))")
EVENT = re.compile(r'"([a-z_]+\.[a-z_]+)"')


def sources(root):
    """The text of every source file of the daemon, comments taken out. sdnsctl logs and counts nothing."""
    for path in sorted((root / "backend").rglob("*")):
        if path.suffix in (".cpp", ".h") and path.parent.name not in ("base", "ctl"):
            yield re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.M)


def events(root):
    """Names between the parenthesis of a log call and the brace of its fields."""
    found = set()
    for text in sources(root):
        for call in LOG_CALL.finditer(text):
            found.update(EVENT.findall(text[call.end() : text.find("{", call.end())]))
    return found


def metrics(root):
    return {name for text in sources(root) for name in re.findall(r'"(sdns_[a-z0-9_]+)"', text)}


def settings(root):
    text = (root / "backend/daemon/config.cpp").read_text()
    lists = dict(re.findall(r"(kKeys|kPowerDnsKeys) = \{(.*?)\};", text, flags=re.S))
    keys = set(re.findall(r'"([^"]+)"', lists["kKeys"]))
    keys |= {f"powerdns[].{key}" for key in re.findall(r'"([^"]+)"', lists["kPowerDnsKeys"])}
    return keys | target_pool_settings(root) | program_settings(root)


def program_settings(root):
    keys = re.search(r"kProgramKeys = \{(.*?)\};", (root / "backend/daemon/config_programs.cpp").read_text(), flags=re.S)
    return {f"health.program[].{key}" for key in re.findall(r'"([^"]+)"', keys.group(1))}


def target_pool_settings(root):
    options = re.search(r"kOptions = \{(.*?)\};", (root / "backend/health/pool_options.cpp").read_text(), flags=re.S)
    members = re.search(r"kMemberKeys = \{(.*?)\};", (root / "backend/daemon/config_pools.cpp").read_text(), flags=re.S)
    keys = {"target_pool[].name"} | {f"target_pool[].{key}" for key in re.findall(r'\{"([^"]+)", ', options.group(1))}
    # A further check has options of the pool, which are documented once.
    return keys | {"target_pool[].check[]"} | {f"target_pool[].member[].{key}" for key in re.findall(r'"([^"]+)"', members.group(1))}


def options(root):
    text = (root / "backend/daemon/options.cpp").read_text()
    shown = re.findall(r'add_(?:option|flag)\("(--[a-z-]+)"', text)
    hidden = re.findall(r'add_flag\("(--[a-z-]+)"[^;]*group\(""\)', text)
    return set(shown) - set(hidden) | {"--help"}


def paths(root):
    return set(re.findall(r'\{"(/[a-z0-9/]+)",', (root / "backend/daemon/admin.cpp").read_text()))


def documented(text, section):
    """The first word in backticks of each row of the table below a heading."""
    match = re.search(rf"^## {section}$(.*?)(?=^## |\Z)", text, flags=re.M | re.S)
    return re.findall(r"^\| `([^` ]+)[^|]*\|", match.group(1) if match else "", flags=re.M)


def example_keys(text):
    """Keys of the example, whether they are commented out or not."""
    found, section = set(), ""
    for line in text.splitlines():
        if header := re.match(r"(?:# )?(\[\[?)([a-z_.]+)\]", line):
            lists = header.group(1) == "[["
            section = header.group(2) + ("[]" if lists else "")
            section = section.replace("target_pool.", "target_pool[].")
            if section == "target_pool[].check[]":
                found.add(section)
        elif key := re.match(r"(?:# )?([A-Za-z_]+) = ", line):
            found.add(f"{section}.{key.group(1)}".replace("].check[].", "]."))
        elif key := re.match(r"# .*\bOr, less well: ([a-z_]+) = ", line):
            found.add(f"{section}.{key.group(1)}")
    return found


def compare(kind, in_source, in_text, where):
    problems = [f"{kind} {name} is in the source and not in {where}" for name in sorted(in_source - set(in_text))]
    problems += [f"{kind} {name} is in {where} and not in the source" for name in sorted(set(in_text) - in_source)]
    problems += [f"{kind} {name} is in {where} twice" for name in sorted({n for n in in_text if list(in_text).count(n) > 1})]
    if not in_source:
        problems.append(f"no {kind} was found in the source: this check does not understand it any more")
    return problems


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    operations = (root / "docs/operations.md").read_text()
    example = (root / "deploy/config.example.toml").read_text()
    problems = []
    for kind, section, found in (
        ("event", "Events", events(root)),
        ("metric", "Metrics", metrics(root)),
        ("setting", "Settings", settings(root)),
        ("option", "Command line", options(root)),
        ("path", "Admin HTTP", paths(root)),
    ):
        problems += compare(kind, found, documented(operations, section), "docs/operations.md")
    problems += compare("setting", settings(root), example_keys(example), "deploy/config.example.toml")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
