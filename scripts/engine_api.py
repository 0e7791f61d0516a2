#!/usr/bin/env python3
"""Writes rust/godot/engine_api.json: the part of the engine's API that the library is built against.

gdext generates its bindings from a description of the engine's API, and a library looks up each method in it when it
is loaded, whether it is used or not. With the classes below, instead of all 900, the library is 1 MB smaller. To use
another class of the engine, add it here, run this script, and commit what it writes.

    scripts/engine_api.py            writes the file, and lets cargo generate the bindings anew
    scripts/engine_api.py --check    fails if the file is stale

gdext does not notice that the file has changed. After another's change of it, if a class is missing, the same helps:
scripts/engine_api.py.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "rust/godot/engine_api.json"
# The oldest engine that the library supports.
VERSION = "4.3"

# What the library uses, each with its base classes.
CLASSES = """
CryptoKey DirAccess DisplayServer Engine FileAccess JSON MultiplayerPeerExtension Node OS Object Performance ProjectSettings
RefCounted SceneTree StreamPeerTCP TLSOptions Window X509Certificate
"""
# What gdext's own code uses besides.
GDEXT_CLASSES = """
ClassDB GDScript InputEvent InputEventAction MultiplayerAPI MultiplayerPeer PackedScene Resource ResourceLoader
ResourceSaver Script ScriptExtension ScriptLanguage ScriptLanguageExtension EditorPlugin Node2D Node3D
"""
# Descriptions for people.
TEXTS = {"brief_description", "description"}
# The only native structure that gdext's own code uses.
NATIVE_STRUCTURES = {"AudioFrame"}
# The crates that are generated from the file, or generate from it.
GENERATED = ["godot-bindings", "godot-codegen", "godot-core", "godot-ffi", "godot-macros"]


def full_api() -> dict:
    """The whole API, from the crate that gdext takes it from."""
    metadata = json.loads(
        subprocess.run(
            ["cargo", "metadata", "--format-version", "1", "--locked"],
            cwd=ROOT, check=True, stdout=subprocess.PIPE,
        ).stdout
    )
    crate = next(package for package in metadata["packages"] if package["name"] == "gdextension-api")
    file = Path(crate["manifest_path"]).parent / "src" / VERSION / "extension_api.json"
    return json.loads(file.read_text(encoding="utf-8"))


def without_texts(value):
    if isinstance(value, dict):
        return {key: without_texts(inner) for key, inner in value.items() if key not in TEXTS}
    if isinstance(value, list):
        return [without_texts(inner) for inner in value]
    return value


class Trimmer:
    """Leaves out classes, and the members of others that refer to them."""

    def __init__(self, api: dict) -> None:
        self.api = api
        classes = {entry["name"]: entry for entry in api["classes"]}
        self.kept = set()
        for name in (CLASSES + GDEXT_CLASSES).split():
            while name:
                self.kept.add(name)
                name = classes[name].get("inherits")
        structures = {entry["name"] for entry in api["native_structures"]}
        self.left_out = (classes.keys() - self.kept) | (structures - NATIVE_STRUCTURES)

    def has_type(self, name: str) -> bool:
        """Whether a type, as the API spells it, refers to nothing that is left out."""
        name = re.sub(r"^(enum|bitfield|typedarray)::", "", name)
        # A typed array may give the number of a property hint: "24/17:Name".
        name = name.rsplit(":", 1)[-1].removeprefix("const ").rstrip("*").strip()
        return name.split(".")[0] not in self.left_out

    def has_method(self, method: dict) -> bool:
        types = [argument["type"] for argument in method.get("arguments", [])]
        if "return_value" in method:
            types.append(method["return_value"]["type"])
        return all(self.has_type(name) for name in types)

    def has_property(self, entry: dict) -> bool:
        return all(self.has_type(name) for name in entry["type"].split(","))

    def class_of(self, entry: dict) -> dict:
        tests = {"methods": self.has_method, "signals": self.has_method, "properties": self.has_property}
        kept = {key: [member for member in entry[key] if test(member)] for key, test in tests.items() if key in entry}
        return {**entry, **kept}

    def trimmed(self) -> dict:
        trimmed = without_texts(self.api)
        trimmed["classes"] = [self.class_of(entry) for entry in trimmed["classes"] if entry["name"] in self.kept]
        trimmed["singletons"] = [entry for entry in trimmed["singletons"] if entry["type"] in self.kept]
        trimmed["native_structures"] = [
            entry for entry in trimmed["native_structures"] if entry["name"] in NATIVE_STRUCTURES
        ]
        return trimmed


def text_of(api: dict) -> str:
    """JSON with a class a line, so that differences can be read."""
    parts = []
    for key, value in api.items():
        if isinstance(value, list) and value:
            entries = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in value)
            parts.append(f"{json.dumps(key)}:[\n{entries}\n]")
        else:
            parts.append(f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    text = text_of(Trimmer(full_api()).trimmed())
    if sys.argv[1:] == ["--check"]:
        if not OUTPUT.exists() or OUTPUT.read_text(encoding="utf-8") != text:
            print("rust/godot/engine_api.json is stale: run scripts/engine_api.py", file=sys.stderr)
            return 1
        return 0
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    OUTPUT.write_text(text, encoding="utf-8")
    for profile in ([], ["--release"]):
        names = [argument for name in GENERATED for argument in ("--package", name)]
        subprocess.run(["cargo", "clean", "--quiet", "--locked", *profile, *names], cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
