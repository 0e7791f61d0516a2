"""The blocks of code in a Markdown page, and the scripts that they become.

A block is marked by a comment above it:

    <!-- run -->             runs the program, until it ends or has printed its output; no fault of the engine may show
    <!-- run with NAME -->   the same, while the program NAME runs
    <!-- serve NAME -->      a program for others to run with; they start once it has printed its first line of output
    <!-- prints TEXT -->     the line that the program prints
    <!-- output -->          above a block of text: the lines that the program before it prints, in this order
    <!-- file PATH -->       above any block: it is a file of the project

Every block that begins with `extends`, `class_name` or `@tool` (comments aside) is a whole script. Others are
fragments: functions and members become a class, anything else the body of a function. A fragment may use the names in
NAMES without declaring them, and a variable that it declares and does not use counts as used. A page may have names of
its own:

    <!-- names peer: AsyncMultiplayerPeer, player: Node -->

The pages of the classes are made from the documentation in the sources and have no marks. Their names are in
NAMES_OF_CLASS, and a block right below a heading is no code but the declaration of a member.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

# What a fragment may use without declaring it.
NAMES = {
    "client": "TcpClient",
    "peer": "TcpClient",
    "listener": "TcpListener",
    "socket": "UdpSocket",
    "server": "WebSocketServer",
    "client_id": "int",
    "request": "WebSocketHandshakeRequest",
    "ws": "WebSocketClient",
    "link": "WebSocketLink",
    "task": "NetTask",
}
# The same for the page of a class.
NAMES_OF_CLASS = {
    "AsyncMultiplayerPeer": {"peer": "AsyncMultiplayerPeer"},
    "HttpServerRequest": {"request": "HttpServerRequest"},
}
CLASS_PAGES = "docs/classes/"

FENCE = re.compile(r"^( *)```(\w*)[ \t]*\n(.*?)^ *```[ \t]*$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- (run with|run|serve|prints|output|file)(?: ([^>]*?))? -->\s*\Z")
NAMES_OF_PAGE = re.compile(r"<!-- names ([^>]*) -->")
WHOLE = re.compile(r"(\s*#.*\n)*\s*(extends|class_name|@tool)\b")
MEMBER = re.compile(r"^(static |func |signal |const |class |enum |@export|@onready)", re.MULTILINE)
LOCAL = re.compile(r"^var (\w+)", re.MULTILINE)
HEADING_ABOVE = re.compile(r"^#+ .*\n\n\Z", re.MULTILINE)
INDENT = re.compile(r"^( {4})+", re.MULTILINE)
LAST_LEAVES = re.compile(r"^(return|break|continue)\b")


@dataclass
class Block:
    """A block of GDScript."""

    page: str
    line: int
    """The line of the page before its first."""
    text: str
    marks: dict[str, str] = field(default_factory=dict)
    output: list[str] = field(default_factory=list)
    """The lines that it must print."""
    names: dict[str, str] = field(default_factory=dict)
    """What it may use without declaring it, with its type."""

    @property
    def name(self) -> str:
        return re.sub(r"\W", "_", self.page.rsplit(".", 1)[0]) + f"_{self.line + 1}"

    @property
    def is_whole(self) -> bool:
        return bool(WHOLE.match(self.text))

    def script(self) -> tuple[str, int]:
        """The script, and the number of its lines before the first of the block."""
        if self.is_whole:
            return self.text, 0
        declared = {name for name in self.names if re.search(rf"\b(?:var|for|func) {name}\b|\b{name}\s*:", self.text)}
        used = {name for name in self.names if re.search(rf"(?<![.\w\"]){name}\b(?!\s*\()", self.text)}
        head = ["extends Node"] + [f"var {name}: {self.names[name]}" for name in self.names if name in used - declared]
        if MEMBER.search(self.text):
            return "\n".join(head) + "\n" + self.text, len(head)
        head.append("func _fragment() -> void:")
        body = [f"\t{line}" if line else "" for line in self.text.splitlines()]
        if not LAST_LEAVES.match(self.text.splitlines()[-1]):
            body += [f"\tprint({name})" for name in LOCAL.findall(self.text)]
        return "\n".join(head + body) + "\n", len(head)


def blocks(root: Path, page: Path) -> list[Block]:
    """The blocks of GDScript in a page."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(root).as_posix()
    found: list[Block] = []
    own = [pair.split(": ") for names in NAMES_OF_PAGE.findall(text) for pair in names.split(", ")]
    is_class = name.startswith(CLASS_PAGES)
    names = {**NAMES, **dict(own), **(NAMES_OF_CLASS.get(page.stem, {}) if is_class else {})}
    for fence in FENCE.finditer(text):
        if is_class and HEADING_ABOVE.search(text[: fence.start()]):
            continue
        marks, code = marks_above(text[: fence.start()]), textwrap.dedent(fence[3])
        if "output" in marks:
            if not found:
                raise SystemExit(f"{name}: output of no program")
            found[-1].output = code.splitlines()
        elif fence[2] == "gdscript":
            lines = [marks["prints"]] if "prints" in marks else []
            # The indentation in a Rust comment is four spaces.
            code = INDENT.sub(lambda spaces: "\t" * (len(spaces[0]) // 4), code)
            found.append(Block(name, text.count("\n", 0, fence.start(3)), code, marks, lines, names))
    return found


def files(page: Path) -> dict[str, str]:
    """The blocks of a page that are files of the project, by their paths."""
    text = page.read_text(encoding="utf-8")
    marked = ((marks_above(text[: fence.start()]).get("file"), fence[3]) for fence in FENCE.finditer(text))
    return {path: content for path, content in marked if path}


def marks_above(text: str) -> dict[str, str]:
    marks = {}
    while mark := MARK.search(text):
        marks[mark[1]] = mark[2] or ""
        text = text[: mark.start()]
    return marks
