#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Who may include whom (STYLE section 2), which libraries are named only in which folders, and that no two classes have one name.

usage: check_includes.py [ROOT]      prints every include that the table forbids, and every name that is defined twice; exit code 1 when there is one
"""
import pathlib
import re
import sys

# folder: folders that it may include, besides itself. A name with a dot is one header.
MAY_INCLUDE = {
    "base": set(),
    "dns": {"base"},
    "zone": {"dns", "base", "health/override.h", "health/target_pool.h"},
    "protocol": {"dns", "base"},
    "net": {"base"},
    "purge": {"zone", "net", "dns", "base"},
    "answer": {"protocol", "zone", "dns", "base", "purge/asked_names.h", "purge/dependents.h", "net/line_handler.h", "health/health_table.h", "health/check_question.h", "health/override.h", "health/target_pool.h", "lua"},
    "health": {"dns", "base"},
    "lua": {"dns", "base", "health/health_table.h", "health/check_question.h", "health/target_pool.h"},
    "store": {"zone", "net", "dns", "base", "health/override.h", "health/target_pool.h"},
    "lease": {"zone", "net", "dns", "base"},
    "registrars": {"net/http_client.h", "dns", "base"},
    "module": {"answer", "store", "health/health_table.h"},
    "pdm": {"store", "net", "zone", "dns", "base", "daemon/config.h", "daemon/config_raw.h", "daemon/version.h", "registrars/registrar.h"},
    "daemon": None,  # everything: it alone, with ctl, names concrete classes
    "ctl": None,
}
# header: the folders or files that may include it. Everything else goes through their interfaces.
LIBRARY_HOMES = {
    "ldns/": {"dns/ldns_codec"},
    "uv.h": {"net", "health/probe_", "health/checker"},
    "curl/": {"net", "health/probe_"},
    "httplib.h": {"net"},
    "sqlite3.h": {"store"},
    "libpq-fe.h": {"store"},
    "toml++/": {"daemon", "ctl"},
    "CLI/": {"daemon", "ctl", "pdm"},
    "lua.hpp": {"lua"},
    "lua.h": {"lua"},
    "luajit.h": {"lua"},
    "maxminddb.h": {"lua/geo"},
    "nlohmann/": {"protocol", "net", "daemon", "ctl", "purge", "pdm", "registrars"},
    "pugixml.hpp": {"registrars/namecheap"},
    "idn2.h": {"registrars/host_name"},
    "microhttpd.h": {"net"},
}
# Slow to compile: only in .cpp files.
HEAVY = ("ldns/", "uv.h", "curl/", "httplib.h", "sqlite3.h", "toml++/", "CLI/", "nlohmann/json.hpp", "microhttpd.h")

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def includes(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def allowed(folder, target):
    table = MAY_INCLUDE[folder]
    return table is None or target.split("/")[0] == folder or target.split("/")[0] in table or target in table


# Folders of the repository whose files are in the table by their own name; the rest are those of backend/.
TOP_FOLDERS = ("lua", "pdm", "registrars")


def of_table(name):
    """The name of an include or file as the table has it: without backend/; None for what is in no folder of ours."""
    if name.split("/")[0] in TOP_FOLDERS:
        return name
    return name.removeprefix("backend/") if name.startswith("backend/") else None


def problems_of(path, root):
    name = path.relative_to(root).as_posix()
    relative = pathlib.PurePath(of_table(name))
    folder, stem = relative.parts[0], str(relative.with_suffix(""))
    if folder not in MAY_INCLUDE:
        yield 0, f"folder {folder} is not in the table of tests/check_includes.py"
        return
    first_own = None
    for number, quoted, target in includes(path):
        if quoted:
            if first_own is None:
                first_own = target
            if of_table(target) is None:
                yield number, f'"{target}" is not written from the repository root'
                continue
            if not allowed(folder, of_table(target)):
                yield number, f'{folder} may not include "{target}" (STYLE section 2)'
            if not (root / target).is_file():
                yield number, f'"{target}" does not exist'
            continue
        for prefix, homes in LIBRARY_HOMES.items():
            if target.startswith(prefix) and folder not in homes and not any(stem.startswith(home) for home in homes):
                yield number, f"<{target}> is included only in {', '.join(sorted(homes))}"
        if path.suffix == ".h" and target.startswith(HEAVY):
            yield number, f"<{target}> is slow to compile: include it in .cpp files only"
    own_header = path.with_suffix(".h")
    if path.suffix == ".cpp" and own_header.is_file() and first_own != name.removesuffix(".cpp") + ".h":
        yield 1, f'its first include must be "{name.removesuffix(".cpp")}.h", which proves that header self-contained'


NAMESPACE = re.compile(r"^namespace (sdns[\w:]*) \{", re.M)
UNNAMED = re.compile(r"^namespace \{$.*?^\}  // namespace$", re.M | re.S)
CLASS = re.compile(r"^(?:class|struct|enum class) (\w+)(?: final)?(?: :[^;{]*)? \{", re.M)


def defined_twice(files, root):
    """Two classes of one name and namespace have one constructor where the compiler inlines none, and nobody is told."""
    homes = {}
    for path in files:
        text = path.read_text(encoding="utf-8")
        namespace = NAMESPACE.search(text)
        for match in CLASS.finditer(UNNAMED.sub("", text)) if namespace else ():
            homes.setdefault(f"{namespace.group(1)}::{match.group(1)}", []).append(path.relative_to(root).as_posix())
    for name, paths in sorted(homes.items()):
        if len(paths) > 1:
            yield f"{paths[0]}:0: {name} is defined in {', '.join(paths[1:])} too"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    files = sorted(path for folder in ("backend", *TOP_FOLDERS) for path in (root / folder).rglob("*")
                   if path.suffix in (".h", ".cpp"))
    found = [f"{path.relative_to(root)}:{number}: {what}" for path in files for number, what in problems_of(path, root)]
    found += defined_twice(files, root)
    # A test that is not in the build guards nothing.
    for test in sorted((root / "tests" / "unit").rglob("*_test.cpp")):
        cmake = test.parent / "CMakeLists.txt"
        if not cmake.is_file() or test.name not in cmake.read_text(encoding="utf-8"):
            found.append(f"{test.relative_to(root)}:0: not named in {cmake.relative_to(root)}: it is in no build")
    print("\n".join(found) if found else f"{len(files)} files, every include is allowed")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
