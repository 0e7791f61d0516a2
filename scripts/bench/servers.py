"""Starts and stops the servers that are compared."""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import machine

START_TIME = 15
END_TIME = 5
LIFETIME = 120

# Output of the engine that marks a run as failed.
FAULTS = ("SCRIPT ERROR", "Parse Error", "Error loading extension", "panicked at")


class Failure(Exception):
    """A run that gave no result."""


@dataclass(frozen=True)
class Setup:
    """The programs and processors that this machine offers for running servers."""

    root: Path
    engine: str
    generator: Path
    node_folder: Path | None
    # A certificate and its key, without the names' ends.
    certificate: Path
    processors: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Spec:
    """The kind and options of a server: an engine scene, bare tokio, Node or nginx. A scene may be a client instead."""

    kind: str
    options: tuple[tuple[str, str], ...] = ()
    role: str = "server"

    def command(self, setup: Setup) -> list[str]:
        options = dict(self.options)
        if self.kind == "bare":
            pairs = [part for name, value in options.items() for part in (f"--{name}", value)]
            return [str(setup.generator), "serve", "--lifetime", str(LIFETIME), *pairs]
        if self.kind == "node":
            return [shutil.which("node") or "node", str(setup.node_folder / options.get("script", "server.mjs"))]
        if self.kind == "nginx":
            return [sys.executable, str(Path(__file__).with_name("nginx.py")), str(LIFETIME)]
        if options.pop("tls", ""):
            options["certificate"] = str(setup.certificate)
        words = [f"{name}={value}" for name, value in options.items()]
        scene = ["--headless", "--path", str(setup.root / "demo_project"), "res://bench/bench.tscn", "--"]
        return [setup.engine, *scene, f"{self.role}={self.kind}", f"lifetime={LIFETIME}", *words]

    def with_options(self, **options) -> "Spec":
        return replace(self, options=self.options + _pairs(options))

    @property
    def is_scene(self) -> bool:
        return self.kind not in ("bare", "node", "nginx")


def _pairs(options: dict) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(value)) for name, value in options.items())


def scene(kind: str, **options) -> Spec:
    return Spec(kind, _pairs(options))


def client_scene(kind: str, **options) -> Spec:
    return Spec(kind, _pairs(options), "client")


def bare(protocol: str, **options) -> Spec:
    named = {"protocol": protocol, **{name.replace("_", "-"): str(value) for name, value in options.items()}}
    return Spec("bare", tuple(named.items()))


NODE = Spec("node")
NODE_HTTP = Spec("node", _pairs({"script": "http_server.mjs"}))
NGINX = Spec("nginx")


class Server:
    """A running server, stopped at the end of the `with` block."""

    def __init__(self, spec: Spec, setup: Setup):
        self.spec = spec
        self._log = tempfile.NamedTemporaryFile("w")
        self._process = subprocess.Popen(
            spec.command(setup),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            preexec_fn=machine.pinned(setup.processors),
        )
        self.pid = self._process.pid
        self._control = None
        try:
            ports = self._ports()
            self.port = ports["port"]
            if "control" in ports:
                self._control = socket.create_connection(("127.0.0.1", ports["control"]), timeout=30).makefile("rw")
        except BaseException:
            self._end()
            raise

    def ask(self, what: str) -> dict:
        """Sends a word to a scene's control port and returns the answer; other servers have no control port."""
        if self._control is None:
            return {}
        self._control.write(what + "\n")
        self._control.flush()
        return json.loads(self._control.readline() or "{}")

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_) -> None:
        try:
            self.ask("quit")
        except OSError:
            pass
        self._end()
        log = self._read_log()
        for fault in FAULTS:
            if fault in log:
                raise Failure(f"{self.spec.kind} says: {log[log.index(fault) :][:500]}")

    def _ports(self) -> dict:
        deadline = time.monotonic() + START_TIME
        while time.monotonic() < deadline:
            for line in self._read_log().splitlines():
                if line.startswith("{") and '"listening"' in line:
                    return json.loads(line)
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise Failure(f"{self.spec.kind} did not start: {self._read_log()[-500:]}")

    def _read_log(self) -> str:
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")

    def _end(self) -> None:
        if self._control is not None:
            wait = END_TIME
        else:
            self._process.terminate()
            wait = 1
        try:
            self._process.wait(wait)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
