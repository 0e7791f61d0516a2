"""Measurements other than loads on a server: the micro-benchmarks, and the library's size."""

import json
import os
import re
import socket
import subprocess
import threading
from typing import Callable

import machine
import table
from servers import FAULTS, Failure, Setup

MAX_LIBRARY = 7.0
DELIVERY_TIME = 60
CRITERION_TIME = 300
CROWDS_TIME = 120


def library_size(setup: Setup) -> list[str]:
    """The table's row for the size of the stripped release library."""
    folder = setup.root / "addons/async_sockets/bin"
    files = [file for file in folder.glob("*template_release*") if file.is_file()]
    if not files:
        return ["library, release", "-", "", "", "", "", "", f"<= {MAX_LIBRARY:g}", ""]
    size = max(file.stat().st_size for file in files) / 1e6
    return [
        "library, release, stripped",
        f"{size:.2f} MB",
        "-",
        "-",
        "-",
        "-",
        "-",
        f"<= {MAX_LIBRARY:g}",
        table.verdict(size <= MAX_LIBRARY),
    ]


def engine_version(setup: Setup) -> str:
    command = [setup.engine, "--headless", "--version"]
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30, text=True)
    lines = answer.stdout.split()
    return f"Godot {'.'.join(lines[-1].split('.')[:3])}" if lines else "Godot"


def delivery(setup: Setup, quick: bool) -> dict[str, str]:
    """Main-thread time per message in nanoseconds, for each way of delivery."""
    scene = ["--headless", "--path", str(setup.root / "demo_project"), "res://bench/delivery.tscn", "--"]
    run = subprocess.run(
        [setup.engine, *scene, f"rounds={1 if quick else 7}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=DELIVERY_TIME,
        text=True,
        # Not pinned: the threads that feed it use the other core.
        preexec_fn=None,
    )
    lines = [line for line in run.stdout.splitlines() if line.startswith('{"event":"delivery"')]
    if run.returncode or not lines or any(fault in run.stdout for fault in FAULTS):
        raise Failure(run.stdout[-1500:])
    figures = json.loads(lines[-1])["nanoseconds"]
    return {way: f"{value:,.0f} ns" for way, value in figures.items()}


def crowds(setup: Setup, quick: bool) -> dict[str, str]:
    """Main-thread time per socket in nanoseconds when many do the same at once, for each kind of work."""
    scene = ["--headless", "--path", str(setup.root / "demo_project"), "res://bench/crowds.tscn"]
    output: list[str] = []
    clients: list[socket.socket] = []
    figures = None
    with subprocess.Popen(
        [setup.engine, *scene],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        limit = threading.Timer(CROWDS_TIME, run.kill)
        limit.start()
        try:
            for line in run.stdout:
                output.append(line)
                told = json.loads(line) if line.startswith('{"event":"') else {"event": None}
                if told["event"] == "connect":
                    address = ("127.0.0.1", int(told["port"]))
                    clients = [socket.create_connection(address) for _ in range(int(told["clients"]))]
                elif told["event"] == "disconnect":
                    while clients:
                        clients.pop().close()
                elif told["event"] == "crowds":
                    figures = told["nanoseconds"]
        finally:
            limit.cancel()
            run.kill()
    text = "".join(output)
    if run.returncode or figures is None or any(fault in text for fault in FAULTS):
        raise Failure(text[-1500:])
    return {what: f"{value:,.0f} ns" for what, value in figures.items()}


def criterion(setup: Setup, quick: bool) -> dict[str, str]:
    """The hot paths of rust/net, measured by Criterion."""
    command = ["cargo", "bench", "--locked", "--package", "async-sockets-net", "--features", "internals", "--", "--noplot"]
    command += ["--quick"] if quick else ["--warm-up-time", "0.5", "--measurement-time", "1.5", "--sample-size", "20"]
    run = subprocess.run(
        command,
        cwd=setup.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=CRITERION_TIME,
        text=True,
        preexec_fn=machine.pinned(set()),
        env={**os.environ, "CARGO_TERM_COLOR": "never"},
    )
    # A name that is too long for its column is printed on a line of its own.
    found = re.findall(r"^(\S.*?)\s+time:\s+\[\S+ \S+ (\S+ \S+) \S+ \S+\]", run.stdout, re.MULTILINE)
    if run.returncode or not found:
        raise Failure(run.stdout[-1500:])
    return dict(found)


PARTS: dict[str, Callable[[Setup, bool], dict[str, str]]] = {"delivery": delivery, "crowds": crowds, "criterion": criterion}

TITLES = {
    "delivery": "Main-thread time per message of 64 bytes, by path",
    "crowds": "Main-thread time per socket when many do the same at once",
    "criterion": "Hot paths of rust/net",
}
