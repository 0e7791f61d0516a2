#!/usr/bin/env python3
"""Writes the third-party notices of the library: every crate linked into it, with its licence text.

    third_party.py FILE [TARGET...]

TARGET is a Rust target such as x86_64-pc-windows-msvc; the default is the machine's own. The texts come from the crates'
sources in cargo's registry.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

PACKAGE = "async-sockets-godot"
LICENCE_FILE = re.compile(r"^(licen[cs]e|copying|notice|unlicense)", re.IGNORECASE)
HEADER = """# Third-party notices

The library of Async Sockets for Godot contains the following works of others. Async Sockets itself is under the MIT
licence in `LICENSE`.

"""
MPL_NOTE = """The crates under MPL-2.0 are used unmodified. Their source code is available at the address beside their name and from
the Rust package registry; the licence is at <https://mozilla.org/MPL/2.0/>.

"""
STANDARD_LIBRARY = """The Rust standard library, Copyright (c) The Rust Project Contributors, <https://github.com/rust-lang/rust>, is linked
in under the MIT licence (MIT OR Apache-2.0).

"""


def metadata(targets: list[str]) -> dict:
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    for target in targets:
        command += ["--filter-platform", target]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout)


def host() -> str:
    answer = subprocess.run(["rustc", "-vV"], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    return re.search(r"^host: (\S+)$", answer, re.MULTILINE).group(1)


def is_proc_macro(package: dict) -> bool:
    return any("proc-macro" in target["kind"] for target in package["targets"])


def linked_packages(data: dict) -> list[dict]:
    """The crates linked into the library: normal dependencies, without build scripts, macros, tests and our own crates."""
    packages = {package["id"]: package for package in data["packages"]}
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    todo = [identity for identity, package in packages.items() if package["name"] == PACKAGE]
    seen = set(todo)
    while todo:
        for dependency in nodes[todo.pop()]["deps"]:
            identity = dependency["pkg"]
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if normal and identity not in seen and not is_proc_macro(packages[identity]):
                seen.add(identity)
                todo.append(identity)
    others = [packages[identity] for identity in seen - set(data["workspace_members"])]
    return sorted(others, key=lambda package: (package["name"], package["version"]))


def licence_texts(package: dict) -> list[str]:
    folder = Path(package["manifest_path"]).parent
    files = sorted(file for file in folder.iterdir() if file.is_file() and LICENCE_FILE.match(file.name))
    mit = [file for file in files if "mit" in file.name.lower()]
    if mit:
        # We choose MIT from "MIT OR Apache-2.0"; third-party notices are kept.
        files = [file for file in files if file in mit or "apache" not in file.name.lower()]
    return [file.read_text(encoding="utf-8", errors="replace").strip() for file in files]


def main() -> None:
    output, targets = Path(sys.argv[1]), sys.argv[2:] or [host()]
    packages = linked_packages(metadata(targets))

    parts = [HEADER]
    users: dict[str, list[str]] = {}
    for package in packages:
        name = f"{package['name']} {package['version']}"
        parts.append(f"- {name}: {package['license']}, <{package['repository']}>\n")
        for text in licence_texts(package):
            users.setdefault(text, []).append(name)
    parts.append(f"\n{STANDARD_LIBRARY}{MPL_NOTE}")
    for text, names in users.items():
        parts.append(f"## {', '.join(names)}\n\n```text\n{text}\n```\n\n")
    output.write_text("".join(parts).rstrip() + "\n", encoding="utf-8", newline="\n")

    silent = {name for names in users.values() for name in names}
    for package in packages:
        if f"{package['name']} {package['version']}" not in silent and package["license"] != "MPL-2.0":
            sys.exit(f"error: no licence text found for {package['name']} ({package['license']})")


main()
