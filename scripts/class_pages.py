#!/usr/bin/env python3
"""Makes the pages of the class reference from the XML that the engine writes (see scripts/class_docs.sh).

    class_pages.py FOLDER PAGES            writes the pages to the folder PAGES
    class_pages.py FOLDER PAGES --check    only fails if a page is missing, stale or left over
"""

import re
import sys
from pathlib import Path

from class_docs import ClassDoc, Member, load

ENGINE_PAGES = "https://docs.godotengine.org/en/stable/classes"
NOTE = "<!-- Written by scripts/class_docs.sh from the documentation in the sources. -->\n\n"
KINDS = {"member": "Properties", "method": "Methods", "signal": "Signals", "constant": "Constants"}
# How the engine's pages call these kinds in their anchors.
ANCHORS = {"member": "property", "method": "method", "signal": "signal", "constant": "constant"}

# Types that need no link.
BUILT_IN = re.compile(r"bool$|int$|float$|String$|Variant$|Array$|Dictionary$|Packed\w+Array$")

CODE_BLOCK = re.compile(r"\s*\[codeblock[^\]]*\]\n?(.*?)\n?\[/codeblock\]\s*", re.DOTALL)
TOKEN = re.compile(
    r"\[code\](?P<code>.*?)\[/code\]"
    r"|\[(?P<kind>method|member|signal|constant|enum|param) (?:(?P<owner>[A-Z@]\w*)\.)?(?P<name>\w+)\]"
    r"|\[url=(?P<url>[^\]]*)\](?P<label>.*?)\[/url\]"
    r"|\[(?P<style>/?[bi])\]"
    r"|\[(?P<class>[A-Z]\w*)\]",
    re.DOTALL,
)


class Writer:
    """Writes the pages of some classes, which link to each other."""

    def __init__(self, classes: list[ClassDoc]) -> None:
        self.classes = {one.name: one for one in classes}

    # ---------------------------------------------------------------------------------------------------- BBCode

    def markdown(self, text: str, own: ClassDoc) -> str:
        parts = []
        end = 0
        for block in CODE_BLOCK.finditer(text):
            parts.append(self.paragraphs(text[end : block.start()], own))
            parts.append(f"```gdscript\n{block[1]}\n```")
            end = block.end()
        parts.append(self.paragraphs(text[end:], own))
        return "\n\n".join(part for part in parts if part)

    def paragraphs(self, text: str, own: ClassDoc) -> str:
        text = re.sub(r"\s*\[br\]\s*\[br\]\s*", "\n\n", text)
        # An item of a list. A list needs an empty line before it.
        text = re.sub(r"\s*\[br\]\s*- ", "\n- ", text)
        text = re.sub(r"^(?!- )(.+)\n- ", r"\1\n\n- ", text, flags=re.MULTILINE)
        text = re.sub(r"\s*\[br\]\s*", "  \n", text)
        return self.inline(text.strip(), own)

    def inline(self, text: str, own: ClassDoc) -> str:
        parts = []
        end = 0
        for token in TOKEN.finditer(text):
            parts.append(escaped(text[end : token.start()]))
            parts.append(self.token(token, own))
            end = token.end()
        parts.append(escaped(text[end:]))
        return "".join(parts)

    def token(self, token: "re.Match[str]", own: ClassDoc) -> str:
        if token["code"] is not None:
            return code(token["code"])
        if token["url"]:
            return f"[{escaped(token['label'])}]({token['url']})"
        if token["style"]:
            return "**" if "b" in token["style"] else "*"
        if token["class"]:
            return f"[{token['class']}]({self.page_of(token['class'])})"
        return self.reference(token["kind"], token["owner"] or "", token["name"], own)

    def reference(self, kind: str, owner: str, name: str, own: ClassDoc) -> str:
        shown = f"{owner}.{name}" if owner else name
        if kind == "method":
            shown += "()"
        target = self.classes.get(owner or own.name)
        if kind == "param":
            return code(name)
        if target and target.find(kind, name):
            page = "" if target is own else f"{target.name}.md"
            return f"[{code(shown)}]({page}#{name.lower()})"
        return f"[{code(shown)}]({engine_anchor(kind, owner or '@GlobalScope', name)})"

    def page_of(self, class_name: str) -> str:
        return f"{class_name}.md" if class_name in self.classes else f"{ENGINE_PAGES}/class_{class_name.lower()}.html"

    # ----------------------------------------------------------------------------------------------------- pages

    def type(self, name: str, enum: str = "") -> str:
        """The type, with a link if it is a class or an enum of the engine."""
        if enum:
            owner, _, short = enum.rpartition(".")
            if owner in self.classes:
                return f"[{enum}]({self.page_of(owner)}#enumerations)"
            is_ours = not owner and enum != "Error"
            return enum if is_ours else f"[{enum}]({engine_anchor('enum', owner or '@GlobalScope', short)})"
        if name.endswith("[]"):
            return f"Array[{self.type(name[:-2])}]"
        return name if BUILT_IN.match(name) else f"[{name}]({self.page_of(name)})"

    def page(self, one: ClassDoc) -> str:
        parts = [f"# {one.name}\n\nInherits {self.type(one.inherits)}.\n\n{self.markdown(one.brief, one)}\n\n"]
        if one.text:
            parts.append(f"{self.markdown(one.text, one)}\n\n")
        parts.append(self.tables(one))
        for kind, title in KINDS.items():
            members = one.of_kind(kind)
            if members:
                parts.append(f"## {title} explained\n\n")
            for member in members:
                text = self.markdown(member.text, one)
                parts.append(f"### {member.name}\n\n```gdscript\n{declaration(member)}\n```\n\n{text}\n\n")
        return NOTE + "".join(parts).rstrip() + "\n"

    def tables(self, one: ClassDoc) -> str:
        parts = []
        if one.of_kind("member"):
            parts.append("## Properties\n\n| property | type | default |\n|---|---|---|\n")
            for member in one.of_kind("member"):
                default = "read-only" if member.is_read_only else code(member.default) if member.default else ""
                parts.append(f"| {link(member)} | {self.type(member.type, member.enum)} | {default} |\n")
            parts.append("\n")
        if one.of_kind("method"):
            parts.append("## Methods\n\n| method | arguments | returns |\n|---|---|---|\n")
            for member in one.of_kind("method"):
                returned = "" if member.type == "void" else self.type(member.type, member.enum)
                arguments = ", ".join(code(argument(param)) for param in member.params)
                static = " (static)" if "static" in member.qualifiers else ""
                parts.append(f"| {link(member)}{static} | {arguments} | {returned} |\n")
            parts.append("\n")
        enums: dict[str, list[Member]] = {}
        for member in one.of_kind("constant"):
            if member.enum:
                enums.setdefault(member.enum, []).append(member)
        if enums:
            parts.append("## Enumerations\n\n| enum | constants |\n|---|---|\n")
            for enum, members in enums.items():
                constants = ", ".join(f"{link(member)} = {member.value}" for member in members)
                parts.append(f"| {one.name}.{enum} | {constants} |\n")
            parts.append("\n")
        if one.of_kind("signal"):
            parts.append("## Signals\n\n| signal | arguments |\n|---|---|\n")
            for member in one.of_kind("signal"):
                arguments = ", ".join(code(argument(param)) for param in member.params)
                parts.append(f"| {link(member)} | {arguments} |\n")
            parts.append("\n")
        return "".join(parts)

    def index(self) -> str:
        rows = "".join(
            f"| [{one.name}]({one.name}.md) | {self.markdown(one.brief, one)} |\n" for one in self.classes.values()
        )
        return f"{NOTE}# Classes\n\nThe same texts are in the editor's help (F1).\n\n| class | |\n|---|---|\n{rows}"

    def pages(self) -> dict[str, str]:
        pages = {f"{one.name}.md": self.page(one) for one in self.classes.values()}
        return {**pages, "README.md": self.index()}


# --------------------------------------------------------------------------------------------------------- details


def escaped(text: str) -> str:
    """Plain text, whose characters Markdown must not take for its own."""
    text = text.replace("\\", "\\\\").replace("<", "&lt;").replace("*", "\\*")
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)


def code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def link(member: Member) -> str:
    return f"[{member.name}](#{member.name.lower()})"


def type_name(name: str, enum: str) -> str:
    """The type as GDScript writes it."""
    return enum or (f"Array[{name[:-2]}]" if name.endswith("[]") else name)


def engine_anchor(kind: str, owner: str, name: str) -> str:
    page = f"{ENGINE_PAGES}/class_{owner.lower()}.html"
    owner = owner.lower().lstrip("@")
    if kind == "enum":
        return f"{page}#enum-{owner}-{name.lower()}"
    return f"{page}#class-{owner}-{ANCHORS[kind]}-{name.lower().strip('_').replace('_', '-')}"


def argument(param: dict[str, str]) -> str:
    text = f"{param['name']}: {type_name(param['type'], param.get('enum', ''))}"
    return f"{text} = {param['default']}" if "default" in param else text


def declaration(member: Member) -> str:
    arguments = ", ".join(argument(param) for param in member.params)
    shown = type_name(member.type, member.enum)
    if member.kind == "method":
        static = "static " if "static" in member.qualifiers else ""
        return f"{static}func {member.name}({arguments}) -> {shown}"
    if member.kind == "signal":
        return f"signal {member.name}({arguments})"
    if member.kind == "constant" and member.enum:
        return f"enum {member.enum} {{ {member.name} = {member.value} }}"
    if member.kind == "constant":
        return f"const {member.name} = {member.value}"
    default = f" = {member.default}" if member.default and not member.is_read_only else ""
    return f"var {member.name}: {shown}{default}"


def main() -> None:
    xml, folder, check = Path(sys.argv[1]), Path(sys.argv[2]), "--check" in sys.argv
    pages = Writer(load(xml)).pages()
    found = {path.name: path for path in folder.glob("*.md")}
    stale = [name for name, text in pages.items() if name not in found or found[name].read_text("utf-8") != text]
    stale += sorted(set(found) - set(pages))
    if check:
        sys.exit(f"stale in {folder}: {', '.join(stale)}; run scripts/class_docs.sh" if stale else 0)
    folder.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in pages:
            (folder / name).write_text(pages[name], encoding="utf-8", newline="\n")
        else:
            found[name].unlink()


if __name__ == "__main__":
    main()
