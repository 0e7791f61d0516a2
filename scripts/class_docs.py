#!/usr/bin/env python3
"""The documentation of the add-on's classes, read from the XML that the engine writes (see scripts/class_docs.sh).

    class_docs.py FOLDER    prints what is missing in the texts, one line each, and fails if there is anything

Every public member has a text. A property also states its default, which is the one that the engine reports, or that it
is read-only. A number has its unit, in its text or in its name. References name members that exist. What is internal
begins with an underscore, and does not show in the help.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

NUMBERS = ("int", "float")
# The words that say what a number counts or measures.
UNIT = re.compile(
    r"\b(seconds?|milliseconds|microseconds|bytes?|(maximum |largest |least )?number|ports?|ids?|codes?|hops|attempts?|"
    r"status|index|clients|peers|packets|messages|datagrams|events|sockets|operations)\b|\[constant ",
    re.IGNORECASE,
)
# The names of parameters that say it themselves, in every class.
UNIT_NAMES = re.compile(r"_(usec|msec|bytes|seconds|port|id)$|^(port|id|code|peer|error|length|what)$")
DEFAULT = re.compile(
    r"Default: (?:\[constant (?P<constant>\w+)\]|\[code\](?P<code>.*?)\[/code\]"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<empty>empty)|the )"
)
# References to members, such as [method recv] or [constant TcpClient.CLOSE_ERROR].
REFERENCE = re.compile(r"\[(method|member|signal|constant|enum) (?:([A-Z@]\w*)\.)?(\w+)\]")
EMPTY_VALUE = re.compile(r'^(Packed\w+Array\(\)|\[\]|\{\}|"")$')


@dataclass
class Member:
    """A method, property, signal or constant."""

    kind: str
    name: str
    text: str
    type: str = "void"
    enum: str = ""
    params: list[dict[str, str]] = field(default_factory=list)
    qualifiers: str = ""
    value: str = ""
    default: str = ""
    is_read_only: bool = False


@dataclass
class ClassDoc:
    name: str
    inherits: str
    brief: str
    text: str
    members: list[Member]

    def of_kind(self, kind: str) -> list[Member]:
        return [member for member in self.members if member.kind == kind]

    def names_of(self, kind: str) -> set[str]:
        return {member.name for member in self.of_kind(kind)}

    def find(self, kind: str, name: str) -> "Member | None":
        return next((member for member in self.of_kind(kind) if member.name == name), None)


# ---------------------------------------------------------------------------------------------------------- reading


def text_of(element: "ElementTree.Element | None") -> str:
    """The text without the indentation of the file."""
    text = (element.text if element is not None else None) or ""
    lines = text.strip().split("\n")
    return "\n".join(line[indent_of_file(lines) :] if line.startswith("\t") else line for line in lines).rstrip()


def indent_of_file(lines: list[str]) -> int:
    """The tabs that the engine put before every line after the first one."""
    rest = [line for line in lines[1:] if line.strip()]
    return min((len(line) - len(line.lstrip("\t")) for line in rest), default=0)


def params_of(element: ElementTree.Element) -> list[dict[str, str]]:
    params = [dict(param.attrib) for param in element.findall("param")]
    return sorted(params, key=lambda param: int(param["index"]))


def read_member(kind: str, element: ElementTree.Element) -> Member:
    name = element.get("name", "")
    if kind == "method":
        returned = element.find("return")
        attributes = returned.attrib if returned is not None else {}
        return Member(
            kind,
            name,
            text_of(element.find("description")),
            attributes.get("type", "void"),
            attributes.get("enum", ""),
            params_of(element),
            element.get("qualifiers", ""),
        )
    if kind == "signal":
        return Member(kind, name, text_of(element.find("description")), params=params_of(element))
    member = Member(kind, name, text_of(element), element.get("type", "int"), element.get("enum", ""))
    member.value = element.get("value", "")
    member.default = element.get("default", "")
    member.is_read_only = kind == "member" and not element.get("setter")
    return member


def read_class(root: ElementTree.Element) -> ClassDoc:
    members = []
    for kind, path in (
        ("member", "members/member"),
        ("method", "methods/method"),
        ("signal", "signals/signal"),
        ("constant", "constants/constant"),
    ):
        for element in root.findall(path):
            member = read_member(kind, element)
            # The help hides these, too.
            if member.text or not member.name.startswith("_"):
                members.append(member)
    return ClassDoc(
        root.get("name", ""),
        root.get("inherits", ""),
        text_of(root.find("brief_description")),
        text_of(root.find("description")),
        members,
    )


def load(folder: Path) -> list[ClassDoc]:
    """The classes with a name of their own, in the order of their names."""
    found = [read_class(ElementTree.parse(path).getroot()) for path in folder.rglob("*.xml")]
    return sorted((one for one in found if not one.name.startswith('"')), key=lambda one: one.name)


# --------------------------------------------------------------------------------------------------------- checking


def problems_of_text(text: str) -> list[str]:
    found = []
    for block in re.findall(r"\[codeblock[^\]]*\](.*?)\[/codeblock\]", text, re.DOTALL):
        if "\n" not in block.strip() and len(block) > 60:
            found.append("the lines of its code are joined: write it between ```gdscript and ```")
    if "```" in text:
        found.append("its code is not closed")
    if re.search(r"\[/?[ib]\]", text):
        found.append("a * or _ of its text became italics or bold: write it between backticks")
    return found


def problems_of_references(text: str, own: ClassDoc, classes: dict[str, ClassDoc]) -> list[str]:
    found = []
    for kind, class_name, name in REFERENCE.findall(text):
        target = classes.get(class_name) if class_name else own
        # Others are the engine's, and so are constants and enums without a class.
        is_ours = target is not None and kind != "enum" and not (kind == "constant" and not class_name)
        if is_ours and not target.find(kind, name):
            found.append(f"[{kind} {class_name + '.' if class_name else ''}{name}] does not exist")
    return found


def problems_of_default(member: Member) -> list[str]:
    """The default in the text against the one that the engine reports."""
    if member.is_read_only:
        return [] if "Read-only" in member.text else ["its text does not say that it is read-only"]
    stated = DEFAULT.search(member.text)
    if not stated:
        return ["its text has no default"]
    if not member.default or stated.group(0).endswith("the "):
        return []
    real = member.default.strip('"')
    if stated["number"]:
        same = re.fullmatch(r"-?\d+(\.\d+)?", real) and float(real) == float(stated["number"])
    elif stated["empty"]:
        same = EMPTY_VALUE.match(member.default)
    else:
        same = stated["constant"] or stated["code"].strip('"') == real
    return [] if same else [f"its text says {stated.group(0)}, the engine {member.default}"]


def problems_of_numbers(member: Member, own: ClassDoc) -> list[str]:
    found = []
    is_number = member.type in NUMBERS and not member.enum
    if is_number and member.kind in ("member", "method") and not UNIT.search(member.text):
        found.append("its number has no unit")
    for param in member.params:
        name = param["name"]
        is_property = name in own.names_of("member")
        if param["type"] not in NUMBERS or param.get("enum") or UNIT_NAMES.search(name) or is_property:
            continue
        mentions = [text for text in (member.text, own.text) if f"[param {name}]" in text]
        if not any(UNIT.search(sentence) for text in mentions for sentence in text.split(". ")):
            found.append(f"its parameter {name} has no unit")
    return found


def problems(classes: list[ClassDoc]) -> list[str]:
    by_name = {one.name: one for one in classes}
    found = []
    for one in classes:
        if not one.brief:
            found.append(f"{one.name}: no text")
        for text in (one.brief, one.text):
            here = problems_of_text(text) + problems_of_references(text, one, by_name)
            found += [f"{one.name}: {problem}" for problem in here]
        for member in one.members:
            where = f"{one.name}.{member.name} ({member.kind})"
            if member.name.startswith("_"):
                found.append(f"{where}: the help shows what is internal; write its comment with one #")
            if not member.text:
                found.append(f"{where}: no text")
                continue
            here = problems_of_text(member.text) + problems_of_references(member.text, one, by_name)
            if member.kind == "member":
                here += problems_of_default(member)
            here += problems_of_numbers(member, one)
            found += [f"{where}: {problem}" for problem in here]
    return found


def main() -> None:
    classes = load(Path(sys.argv[1]))
    if not classes:
        sys.exit(f"error: there is no class in {sys.argv[1]}")
    if not any(member.text for one in classes if one.name != "WebSocketLink" for member in one.members):
        sys.exit("error: the staged library has no documentation: build the editor's with scripts/build.sh")
    found = problems(classes)
    members = sum(len(one.members) for one in classes)
    print("\n".join(found) or f"{members} members of {len(classes)} classes are documented")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
