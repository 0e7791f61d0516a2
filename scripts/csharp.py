#!/usr/bin/env python3
"""Makes the C# wrapper of the classes from the XML that the engine writes (see scripts/class_docs.sh).

    csharp.py FOLDER FILE            writes the wrapper to FILE
    csharp.py FOLDER FILE --check    only fails if it is stale

The engine makes no C# classes of an extension's. The wrapper calls them by name: a property, method, signal or enum
has one member each. An awaitable method returns a `Task`, whose type comes from the shape of the result, with which its
documentation begins.
"""

import re
import sys
from pathlib import Path

from class_docs import ClassDoc, Member, load

# Scripts are not wrapped, and .NET has tasks of its own.
LEFT_OUT = ("NetTask", "WebSocketLink")
# The class with the singleton: a class may not have the name of its namespace.
SINGLETON = "AsyncSockets"
NAMES = {SINGLETON: "Sockets"}
# Godot's type: the type in C#, and the method of `Variant` that gives it.
TYPES = {
    "bool": ("bool", "AsBool()"),
    "int": ("long", "AsInt64()"),
    "float": ("double", "AsDouble()"),
    "String": ("string", "AsString()"),
    "StringName": ("StringName", "AsStringName()"),
    "Dictionary": ("Godot.Collections.Dictionary", "AsGodotDictionary()"),
    "PackedByteArray": ("byte[]", "AsByteArray()"),
    "PackedInt32Array": ("int[]", "AsInt32Array()"),
    "PackedInt64Array": ("long[]", "AsInt64Array()"),
    "PackedStringArray": ("string[]", "AsStringArray()"),
    "int[]": ("Godot.Collections.Array<long>", "AsGodotArray<long>()"),
    "RefCounted[]": ("Godot.Collections.Array<RefCounted>", "AsGodotArray<RefCounted>()"),
    "Variant": ("Variant", ""),
}
DICTIONARY = TYPES["Dictionary"][0]
# Classes of the engine that have another name in C#.
ENGINE_CLASSES = {"TLSOptions": "TlsOptions", "StreamPeerTCP": "StreamPeerTcp", "RefCounted": "RefCounted"}
# The shapes of results: the values behind the error, by Godot's type and their name in C#.
SHAPES = {
    "[OK]": [],
    "[OK, bytes]": [("PackedByteArray", "Data")],
    "[OK, PackedByteArray]": [("PackedByteArray", "Data")],
    "[OK, String]": [("String", "Text")],
    "[OK, int]": [("int", "Bytes")],
    "[OK, bytes_sent]": [("int", "Bytes")],
    "[OK, message]": [("Variant", "Message")],
    "[OK, code, reason]": [("int", "Code"), ("String", "Reason")],
    "[OK, bytes, address, port]": [("PackedByteArray", "Data"), ("String", "Address"), ("int", "Port")],
    "[OK, TcpClient]": [("TcpClient", "Client")],
}
SHAPE = re.compile(r"Awaitable: \[code\](\[.*?\])\[/code\]")
# Words of the language, which need an @ as names of parameters.
KEYWORDS = set(
    """
    abstract as base bool break byte case catch char checked class const continue decimal default
    delegate do double else enum event explicit extern false finally fixed float for foreach goto if
    implicit in int interface internal is lock long namespace new null object operator out override
    params private protected public readonly ref return sbyte sealed short sizeof stackalloc static
    string struct switch this throw true try typeof uint ulong unchecked unsafe ushort using virtual
    void volatile while
    """.split()
)

HEAD = """// Written by scripts/class_docs.sh from the documentation in the sources.
// The classes of Async Sockets for C#. See the pages in docs/classes for what the members do.

#nullable disable
#pragma warning disable CS1591

using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Godot;

namespace AsyncSockets
{
    /// <summary>An object of the library. It is released, and its socket closed, once nothing refers to it; Dispose()
    /// does not wait for the garbage collector. Use it on the main thread only.</summary>
    public abstract class NetObject : IDisposable
    {
        private readonly Dictionary<KeyValuePair<string, Delegate>, Callable> _handlers =
            new Dictionary<KeyValuePair<string, Delegate>, Callable>();

        private protected NetObject(GodotObject instance)
        {
            Instance = instance;
        }

        /// <summary>The object as the engine has it.</summary>
        public GodotObject Instance { get; }

        public void Dispose()
        {
            Instance.Dispose();
        }

        public override bool Equals(object other)
        {
            return other is NetObject wrapper && wrapper.Instance == Instance;
        }

        public override int GetHashCode()
        {
            return Instance.GetHashCode();
        }

        private protected static GodotObject New(string className)
        {
            GodotObject instance = ClassDB.Instantiate(className).AsGodotObject();
            return instance ?? throw new InvalidOperationException(className + ": the library is not loaded");
        }

        private protected Variant Call(string method, params Variant[] arguments)
        {
            return Instance.Call(method, arguments);
        }

        private protected void Listen(string signal, Delegate handler, Callable callable)
        {
            if (_handlers.TryAdd(new KeyValuePair<string, Delegate>(signal, handler), callable))
            {
                Instance.Connect(signal, callable);
            }
        }

        private protected void Ignore(string signal, Delegate handler)
        {
            if (_handlers.Remove(new KeyValuePair<string, Delegate>(signal, handler), out Callable callable))
            {
                Instance.Disconnect(signal, callable);
            }
        }

        /// <summary>The result of an operation, which is there already or comes by a signal.</summary>
        private protected static async Task<Godot.Collections.Array> Wait(Variant awaitable)
        {
            if (awaitable.VariantType != Variant.Type.Signal)
            {
                return awaitable.AsGodotArray();
            }
            Signal signal = awaitable.AsSignal();
            Variant[] emitted = await signal.Owner.ToSignal(signal.Owner, signal.Name);
            return emitted[0].AsGodotArray();
        }
    }
"""


class Writer:
    def __init__(self, classes: list[ClassDoc]) -> None:
        self.classes = [one for one in classes if one.name not in LEFT_OUT]
        self.own = {one.name for one in self.classes}

    def name(self, class_name: str) -> str:
        return NAMES.get(class_name, class_name)

    # ----------------------------------------------------------------------------------------------------- types

    def type(self, godot: str, enum: str = "") -> str:
        if enum:
            owner, _, short = enum.rpartition(".")
            return f"{self.name(owner)}.{self.enum_name(owner, short)}" if owner in self.own else enum
        if godot.endswith("[]") and godot[:-2] in self.own:
            return f"{self.name(godot[:-2])}[]"
        if godot in self.own:
            return self.name(godot)
        return ENGINE_CLASSES.get(godot) or TYPES[godot][0]

    def enum_name(self, owner: str, enum: str) -> str:
        """A class cannot have a property and an enum of the same name: as in the engine's classes, the enum yields."""
        one = next(one for one in self.classes if one.name == owner)
        names = [pascal(member.name) for member in one.of_kind("member")]
        return f"{enum}Enum" if enum in names else enum

    def from_variant(self, value: str, godot: str, enum: str = "") -> str:
        if enum:
            return f"({self.type(godot, enum)}){value}.AsInt64()"
        if godot.endswith("[]") and godot[:-2] in self.own:
            name = self.name(godot[:-2])
            return f"Array.ConvertAll({value}.AsGodotObjectArray<GodotObject>(), one => {name}.Wrap(one))"
        if godot in self.own:
            return f"{self.name(godot)}.Wrap({value}.AsGodotObject())"
        if godot in ENGINE_CLASSES:
            return f"({ENGINE_CLASSES[godot]}){value}.AsGodotObject()"
        conversion = TYPES[godot][1]
        return f"{value}.{conversion}" if conversion else value

    def to_variant(self, value: str, godot: str, enum: str = "") -> str:
        if enum:
            return f"(long){value}"
        if godot in self.own:
            return f"{value}.Instance"
        return value

    # --------------------------------------------------------------------------------------------------- members

    def member(self, one: ClassDoc, member: Member) -> str:
        return getattr(self, f"{member.kind}_of")(one, member)

    def member_of(self, one: ClassDoc, member: Member) -> str:
        shown = self.type(member.type, member.enum)
        value = self.from_variant(f'Instance.Get("{member.name}")', member.type, member.enum)
        lines = [f"public {shown} {pascal(member.name)}", "{", f"    get {{ return {value}; }}"]
        if not member.is_read_only:
            new = self.to_variant("value", member.type, member.enum)
            lines.append(f'    set {{ Instance.Set("{member.name}", {new}); }}')
        return "\n".join([summary(member), *lines, "}"])

    def enums_of(self, one: ClassDoc) -> list[str]:
        """Constants belong to enums, and lose the word that they all begin with."""
        found: dict[str, list[Member]] = {}
        for member in one.of_kind("constant"):
            if not member.enum:
                sys.exit(f"error: {one.name}.{member.name} is in no enum")
            found.setdefault(member.enum, []).append(member)
        enums = []
        for enum, members in found.items():
            lines = [f"public enum {self.enum_name(one.name, enum)} : long", "{"]
            for member in members:
                short = member.name.split("_", 1)[1]
                lines.append(f"    {summary(member)}\n    {pascal(short)} = {member.value},")
            enums.append("\n".join([*lines, "}"]))
        return enums

    def signal_of(self, _one: ClassDoc, member: Member) -> str:
        shown = [self.type(param["type"], param.get("enum", "")) for param in member.params]
        names = [argument_name(param["name"]) for param in member.params]
        action = f"Action<{', '.join(shown)}>" if shown else "Action"
        # What the engine can convert: enums are numbers, and our classes objects.
        raw = [
            "long" if param.get("enum") else "GodotObject" if param["type"] in self.own else kind
            for param, kind in zip(member.params, shown)
        ]
        given = []
        for param, kind, name in zip(member.params, shown, names):
            if param.get("enum"):
                given.append(f"({kind}){name}")
            else:
                given.append(f"{kind}.Wrap({name})" if param["type"] in self.own else name)
        if raw == shown:
            callable_ = "Callable.From(value)"
        else:
            typed = ", ".join(f"{kind} {name}" for kind, name in zip(raw, names))
            callable_ = f"Callable.From(({typed}) => value({', '.join(given)}))"
        return "\n".join(
            [
                summary(member),
                f"public event {action} {pascal(member.name)}",
                "{",
                f'    add {{ Listen("{member.name}", value, {callable_}); }}',
                f'    remove {{ Ignore("{member.name}", value); }}',
                "}",
            ]
        )

    def method_of(self, one: ClassDoc, member: Member) -> str:
        parameters = ", ".join(self.parameter(param) for param in member.params)
        arguments = "".join(f", {self.argument(param)}" for param in member.params)
        static = "static " if "static" in member.qualifiers else ""
        # A static method is called by any object of the class.
        target = f'New("{one.name}").Call' if static else "Call"
        call = f'{target}("{member.name}"{arguments})'
        head = f"public {static}"
        name = pascal(member.name)
        if member.type == "Variant" and member.text.startswith("Awaitable"):
            return self.awaitable(one, member, f"{head}async", f"{name}({parameters})", call)
        shown = self.type(member.type, member.enum) if member.type != "void" else "void"
        body = call if member.type == "void" else f"return {self.from_variant(call, member.type, member.enum)}"
        return f"{summary(member)}\n{head}{shown} {name}({parameters})\n{{\n    {body};\n}}"

    def awaitable(self, one: ClassDoc, member: Member, head: str, declared: str, call: str) -> str:
        shape = SHAPE.search(member.text)
        if not shape or shape[1] not in SHAPES:
            sys.exit(f"error: {one.name}.{member.name}: the shape of its result is not known to scripts/csharp.py")
        values = SHAPES[shape[1]]
        error = "(Error)result[0].AsInt64()"
        if values:
            types = ", ".join(["Error Error", *(f"{self.type(kind)} {name}" for kind, name in values)])
            shown = f"({types})"
            parts = [self.from_variant(f"result[{index + 1}]", kind) for index, (kind, _) in enumerate(values)]
            returned = f"({', '.join([error, *parts])})"
        else:
            shown, returned = "Error", error
        lines = [f"{head} Task<{shown}> {declared}", "{"]
        lines += [f"    Godot.Collections.Array result = await Wait({call});", f"    return {returned};", "}"]
        return "\n".join([summary(member), *lines])

    def parameter(self, param: dict[str, str]) -> str:
        kind = self.type(param["type"], param.get("enum", ""))
        text = f"{kind} {argument_name(param['name'])}"
        if "default" not in param:
            return text
        default = "null" if kind.endswith("[]") or kind == DICTIONARY else param["default"]
        return f"{text} = {default}"

    def argument(self, param: dict[str, str]) -> str:
        name = argument_name(param["name"])
        kind = self.type(param["type"], param.get("enum", ""))
        if "default" in param and kind.endswith("[]"):
            return f"{name} ?? Array.Empty<{kind[:-2]}>()"
        if "default" in param and kind == DICTIONARY:
            return f"{name} ?? new {DICTIONARY}()"
        return self.to_variant(name, param["type"], param.get("enum", ""))

    # --------------------------------------------------------------------------------------------------- classes

    def one_class(self, one: ClassDoc) -> str:
        name = self.name(one.name)
        lines = [f"/// <summary>{xml_text(one.brief)}</summary>"]
        if one.name == SINGLETON:
            lines += [f"public sealed class {name} : NetObject", "{"]
            parts = [
                f"private {name}(GodotObject instance) : base(instance) {{ }}",
                f'/// <summary>The only object of this class.</summary>\npublic static {name} Singleton {{ get; }} =\n'
                f'    new {name}(Engine.GetSingleton("{one.name}"));',
            ]
        else:
            lines += [f"public sealed class {name} : NetObject", "{"]
            parts = [f"private {name}(GodotObject instance) : base(instance) {{ }}"]
            # A request comes from its server only.
            if one.name not in ("WebSocketHandshakeRequest", "HttpServerRequest"):
                parts.append(f'public {name}() : base(New("{one.name}")) {{ }}')
            parts.append(
                f"/// <summary>This object of the library, such as one that a signal gave; null for null.</summary>\n"
                f"public static {name} Wrap(GodotObject instance)\n{{\n"
                f"    return instance == null ? null : new {name}(instance);\n}}"
            )
        if one.inherits == "MultiplayerPeerExtension":
            parts.append(
                "/// <summary>The peer for <c>Multiplayer.MultiplayerPeer</c>.</summary>\n"
                "public MultiplayerPeer Peer\n{\n    get { return (MultiplayerPeer)Instance; }\n}"
            )
        parts += self.enums_of(one)
        parts += [self.member(one, member) for member in one.members if member.kind != "constant"]
        check_names(one)
        body = "\n\n".join(parts)
        return indented("\n".join([*lines, indented(body), "}"]))

    def text(self) -> str:
        return "\n".join([HEAD, *("\n\n".join(self.one_class(one) for one in self.classes), "}")]) + "\n"


# --------------------------------------------------------------------------------------------------------- details


def pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def argument_name(name: str) -> str:
    name = pascal(name)
    name = name[0].lower() + name[1:]
    return f"@{name}" if name in KEYWORDS else name


def check_names(one: ClassDoc) -> None:
    names = [pascal(member.name) for member in one.members if member.kind != "constant"]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        sys.exit(f"error: {one.name} has two members with the C# names {', '.join(twice)}")


def xml_text(text: str) -> str:
    text = re.sub(r"\[(?:method|member|signal|constant|enum|param) ([\w.@]+)\]", r"\1", text)
    text = re.sub(r"\[code\](.*?)\[/code\]", r"\1", text)
    text = re.sub(r"\[([A-Z]\w*)\]", r"\1", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def summary(member: Member) -> str:
    """The first sentence of the documentation."""
    text = xml_text(member.text.split("[br]")[0].split("\n")[0])
    return f"/// <summary>{text.split('. ')[0].rstrip('.: ')}.</summary>"


def indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else line for line in text.split("\n"))


def main() -> None:
    xml, target, check = Path(sys.argv[1]), Path(sys.argv[2]), "--check" in sys.argv
    text = Writer(load(xml)).text()
    is_stale = not target.exists() or target.read_text("utf-8") != text
    if check:
        sys.exit(f"{target} is stale; run scripts/class_docs.sh" if is_stale else 0)
    if is_stale:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
