"""Runs the load generator and reads its events."""

import json
import subprocess
import threading
from pathlib import Path
from typing import Callable

import machine
from servers import Failure

LIMIT = 60


class Load:
    """One run of the generator, with its events as they arrive."""

    def __init__(self, generator: Path, mode: str, port: int, processors: set[int], options: dict):
        named = {"limit": LIMIT, **options, "port": port}
        words = [part for name, value in named.items() for part in (f"--{name.replace('_', '-')}", str(value))]
        self._process = subprocess.Popen(
            [str(generator), mode, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=machine.pinned(processors),
        )
        # The generator enforces its own limit; this is a fallback.
        self._watch = threading.Timer(named["limit"] + 15, self._process.kill)
        self._watch.start()

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_) -> None:
        self._watch.cancel()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            stream.close()

    def until(self, event: str, on_event: Callable[[str], None] = lambda _: None) -> dict:
        """Waits for an event and returns its figures. Calls `on_event` for the other events before it."""
        for line in self._process.stdout:
            figures = json.loads(line)
            if figures["event"] == event:
                return figures
            on_event(figures["event"])
        raise Failure(self._process.stderr.read().strip() or "the load generator ended early")

    def go_on(self) -> None:
        """Tells a generator that is holding its clients to finish."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
