#!/usr/bin/env python3
"""Checks the documents: README.md, docs/ and the add-on's own README.md. In docs/classes, these are the examples in the
documentation of the classes, as scripts/class_docs.sh wrote them there.

    docs.py [PAGE...]    only these pages

- Every block of GDScript compiles with the add-on loaded and every warning as an error. (How a block is marked, and
  what becomes of a fragment: scripts/docs/blocks.py.)
- The scripts of the demos compile likewise.
- Programs that are marked with `run` run to their end, offline, without a fault of the engine, and print what the page
  says.
- Every number that a class has as a property is in the table of docs/limits-and-defaults.md, with its default.
- Relative links lead to a file, and to a heading in it.

The engine is $GODOT, or the one that scripts/godot.sh finds.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "docs"))
from blocks import FENCE, Block, blocks, files  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
ADDON = "addons/async_sockets"
DEMOS = "demo_project/demos"
LIMITS = "docs/limits-and-defaults.md"
CHECK_SECONDS = 30
RUN_SECONDS = 20
RUNS_AT_ONCE = 4
FAULTS = ("ERROR:", "panicked at", "ObjectDB instances leaked", "resources still in use at exit")
# A warning that an engine does not know is ignored; check.gd names those that are missing here.
WARNINGS = """
    unassigned_variable unassigned_variable_op_assign unused_variable unused_local_constant
    unused_private_class_variable unused_parameter unused_signal shadowed_variable shadowed_variable_base_class
    shadowed_global_identifier unreachable_code unreachable_pattern standalone_expression standalone_ternary
    incompatible_ternary unsafe_property_access unsafe_method_access unsafe_cast unsafe_call_argument
    unsafe_void_return static_called_on_instance missing_tool redundant_static_unload redundant_await missing_await
    assert_always_true assert_always_false integer_division narrowing_conversion int_as_enum_without_cast
    int_as_enum_without_match enum_variable_without_default empty_file deprecated_keyword confusable_identifier
    confusable_local_declaration confusable_local_usage confusable_capture_reassignment
    confusable_temporary_modification inference_on_variant native_method_override get_node_default_without_onready
    onready_with_export untyped_declaration return_value_discarded constant_used_as_function
    function_used_as_property property_used_as_function renamed_in_godot_4_hint
""".split()


def main() -> int:
    if "--help" in sys.argv or "-h" in sys.argv:
        print(__doc__.strip())
        return 0
    pages = [Path(page).resolve() for page in sys.argv[1:]]
    everything = not pages
    if everything:
        pages = [ROOT / "README.md", ROOT / ADDON / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    found = [block for page in pages for block in blocks(ROOT, page)]
    faults = [fault for page in pages for fault in broken_links(page)]
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder), found, everything)
        for page in pages:
            for path, content in files(page).items():
                project.write(path, content)
        faults += project.check()
        programs = [block for block in found if block.marks.keys() & {"run", "run with"}]
        if not faults:
            # Every program has a port of its own.
            with ThreadPoolExecutor(RUNS_AT_ONCE) as pool:
                faults += [fault for result in pool.map(project.run, programs) for fault in result]
    for fault in faults:
        print(fault)
    print(f"{len(found)} blocks in {len(pages)} pages, {len(programs)} programs, {len(faults)} faults")
    return 1 if faults else 0


# ------------------------------------------------------------------------------------------------------- the engine


class Project:
    """A project that contains the add-on, the blocks, and the demos."""

    def __init__(self, folder: Path, found: list[Block], everything: bool) -> None:
        self.folder = folder
        self.blocks = found
        self.offsets: dict[str, tuple[Block, int]] = {}
        self.engine = os.environ.get("GODOT") or output([str(ROOT / "scripts" / "godot.sh"), "--where"]).strip()
        shutil.copytree(ROOT / ADDON, folder / ADDON)
        settings = "".join(f"gdscript/warnings/{name}=2\n" for name in WARNINGS)
        self.write("project.godot", f'config_version=5\n[application]\nconfig/name="Documents"\n[debug]\n{settings}')
        # Without this list, the engine does not know the library: see docs/recipes/ci.md.
        self.write(".godot/extension_list.cfg", f"res://{ADDON}/async_sockets.gdextension\n")
        for block in found:
            script, before = block.script()
            path = f"{block.name}.gd"
            self.offsets[path] = (block, before)
            self.write(path, script)
            self.write(f"{block.name}.tscn", SCENE % path)
        shutil.copy(ROOT / "scripts" / "docs" / "check.gd", folder / "check.gd")
        scripts = list(self.offsets)
        if everything:
            shutil.copytree(ROOT / DEMOS, folder / "demos")
            scripts += [path.relative_to(folder).as_posix() for path in sorted((folder / "demos").rglob("*.gd"))]
        todo = {"scripts": [f"res://{path}" for path in scripts], "defaults": defaults() if everything else {}}
        self.write("check.json", json.dumps(todo))

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, encoding="utf-8")

    def start(self, *args: str) -> subprocess.Popen[str]:
        command = [self.engine, "--headless", "--path", str(self.folder), *args]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
        )

    def check(self) -> list[str]:
        """Compiles all blocks."""
        self.name_classes()
        log, status = finish(self.start("--script", "res://check.gd"), CHECK_SECONDS)
        lines = log.splitlines()
        faults = []
        for line, where in zip(lines, lines[1:]):
            place = re.search(r"\(res://([\w/]+\.gd):(\d+)\)", where)
            if "Parse Error: " in line and place:
                faults.append(f"{self.place(place[1], int(place[2]))}: {line.split('Parse Error: ', 1)[1]}")
        # The engine has said why a script does not load.
        faults += [line[6:] for line in lines if line.startswith("FAULT ") and not (faults and "not load" in line)]
        if status != 0 or "CHECKED" not in lines:
            faults.append(f"the check did not end well (exit code {status}):\n{log}")
        return [self.named(fault) for fault in dict.fromkeys(faults)]

    def name_classes(self) -> None:
        """Writes the list of the scripts' classes, in which the engine looks up their names. An import of the project,
        which writes it too, takes ten times as long as everything else."""
        classes = []
        for path in sorted(self.folder.rglob("*.gd")):
            text = path.read_text(encoding="utf-8")
            name = re.search(r"^class_name (\w+)", text, re.MULTILINE)
            base = re.search(r"^(?:class_name \w+ )?extends (\w+)", text, re.MULTILINE)
            if name:
                where = path.relative_to(self.folder).as_posix()
                classes.append(GLOBAL_CLASS % (base[1] if base else "RefCounted", name[1], where))
        self.write(".godot/global_script_class_cache.cfg", "list=[" + ", ".join(classes) + "]\n")

    def run(self, block: Block) -> list[str]:
        """Runs a program until it ends, or has printed what the page says."""
        server = self.serve(block.marks["run with"]) if "run with" in block.marks else None
        run = Run(self.start(f"res://{block.name}.tscn"))
        run.wait(block.output)
        faults = run.faults(block.output)
        log = run.log()
        if server:
            server.stop()
            faults += [f"of the program that it runs with: {fault}" for fault in server.faults([])]
            log += server.log()
        where = f"{block.page}:{block.line + 1}"
        if "is already in use" in log:
            print(f"skip {where}: its port is in use on this machine")
            return []
        return [f"{where}: {fault}\n{self.named(log)}" for fault in faults]

    def serve(self, name: str) -> Run:
        """Starts a program that does not end, and waits until it has printed what the page says."""
        block = next((block for block in self.blocks if block.marks.get("serve") == name), None)
        if block is None or not block.output:
            raise SystemExit(f"no program with an output is marked with <!-- serve {name} -->")
        run = Run(self.start(f"res://{block.name}.tscn"))
        run.wait(block.output[:1], grace=0)
        return run

    def named(self, text: str) -> str:
        """Names the pages in the place of the scripts."""
        return re.sub(
            r"res://([\w/]+\.gd):(\d+)", lambda place: self.place(place[1], int(place[2])), text
        )

    def place(self, script: str, line: int) -> str:
        if script not in self.offsets:
            return f"{Path(DEMOS).parent / script}:{line}"
        block, before = self.offsets[script]
        return f"{block.page}:{block.line + line - before}"


class Run:
    """A run of a program."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.is_late = False
        self.is_stopped = False
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line)

    def wait(self, expected: list[str], grace: float = 1.0) -> None:
        """Waits until the program has ended. One that has printed everything, but goes on, is stopped, except without
        `grace`, the time to end by itself."""
        deadline = time.monotonic() + RUN_SECONDS
        while self.process.poll() is None and (not expected or self.missing(expected)):
            if time.monotonic() > deadline:
                self.is_late = True
                break
            time.sleep(0.02)
        if grace:
            end = time.monotonic() + grace
            while self.process.poll() is None and time.monotonic() < end and not self.is_late:
                time.sleep(0.02)
            self.stop()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.is_stopped = True
            self.process.kill()
            self.process.wait()
        self.reader.join()

    def missing(self, expected: list[str]) -> list[str]:
        """The lines that it has not printed, in this order."""
        printed = (line.rstrip("\n") for line in list(self.lines))
        return [line for line in expected if line not in printed]

    def faults(self, expected: list[str]) -> list[str]:
        faults = [text for text in FAULTS if text in self.log()]
        if self.is_late:
            faults.append(f"it was not done within {RUN_SECONDS} s")
        elif self.process.returncode != 0 and not self.is_stopped:
            faults.append(f"exit code {self.process.returncode}")
        return faults + [f"it does not print: {line}" for line in self.missing(expected)]

    def log(self) -> str:
        return "".join(self.lines)


SCENE = """[gd_scene load_steps=2 format=3]
[ext_resource type="Script" path="res://%s" id="1"]
[node name="Main" type="Node"]
script = ExtResource("1")
"""

GLOBAL_CLASS = """{
"base": &"%s",
"class": &"%s",
"icon": "",
"is_abstract": false,
"is_tool": false,
"language": &"GDScript",
"path": "res://%s"
}"""


def finish(process: subprocess.Popen[str], seconds: float) -> tuple[str, int | None]:
    """The output and the exit code of a process; it is killed, and has none, after this time."""
    try:
        log, _ = process.communicate(timeout=seconds)
        return log, process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0], None


def output(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


# -------------------------------------------------------------------------------------------------------- the pages


def defaults() -> dict[str, str]:
    """The defaults in the table of limits that are numbers, by `Class.property`."""
    page = ROOT / LIMITS
    rows = page.read_text(encoding="utf-8") if page.exists() else ""
    return {row[1]: row[2] for row in re.finditer(r"^\| `(\w+\.\w+)` \| ([\d.]+)\b", rows, re.MULTILINE)}


def broken_links(page: Path) -> list[str]:
    """Relative links that lead nowhere."""
    name = page.relative_to(ROOT).as_posix()
    faults = []
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in re.finditer(r"\[[^\]]*\]\(([^)\s]+)\)", text):
        target, _, heading = link[1].partition("#")
        if "://" in link[1]:
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists():
            faults.append(f"{name}: there is no {link[1]}")
        elif heading and heading not in headings(file):
            faults.append(f"{name}: there is no heading {link[1]}")
    return faults


def headings(page: Path) -> set[str]:
    """The headings of a page as GitHub names them in links."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


if __name__ == "__main__":
    sys.exit(main())
