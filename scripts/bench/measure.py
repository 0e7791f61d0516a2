"""The kinds of measurement: each starts a server, puts a load on it, and returns its figures by name."""

import contextlib
import time
from dataclasses import dataclass

import machine
from load import Load
from servers import Failure, Server, Setup, Spec

MEBIBYTE = 1024 * 1024

# Seconds that a server may take to handle what a flood has left in the buffers.
FLOOD_REST = 20

# Seconds without a message after which the rest of a flood counts as lost.
FLOOD_STILL = 2

# Seconds that connects may take, per second of measurement.
STORM_LIMIT = 8

# Seconds that memory is given to come down.
REST_TIME = 1.5


@dataclass(frozen=True)
class Bench:
    """Settings shared by all runs: the machine's setup, and the length of one measurement."""

    setup: Setup
    load_processors: set[int]
    seconds: float
    warm_up: float

    def load(self, mode: str, port: int, options: dict) -> Load:
        times = {"seconds": self.seconds, "warm_up": self.warm_up}
        return Load(self.setup.generator, mode, port, self.load_processors, {**times, **options})


class Window:
    """The resources that a server used between the load's `start` and `stop` events."""

    def __init__(self, server: Server):
        self._server = server
        self._start = None
        self.figures: dict[str, float] = {}

    def on_event(self, event: str) -> None:
        if event == "start":
            self._server.ask("reset")
            self._start = self._look()
        elif event == "stop":
            (stats, usage, now), (before, used, start) = self._look(), self._start
            for name in ("all", "main"):
                first, last = getattr(used, name), getattr(usage, name)
                if first is not None and last is not None:
                    self.figures[f"cpu_{name}"] = (last - first) / (now - start)
            self.figures.update(stats)
            self.figures["window"] = now - start
            self.figures["handled"] = stats.get("received", 0) - before.get("received", 0)

    def _look(self) -> tuple[dict, machine.Usage, float]:
        stats = self._server.ask("stats")
        return stats, machine.Usage(self._server.pid), time.monotonic()


def throughput(bench: Bench, spec: Spec, mode: str, options: dict) -> dict[str, float]:
    """Operations per second, and the processor time they cost the server."""
    with Server(spec, bench.setup) as server:
        window = Window(server)
        with bench.load(mode, server.port, options) as load:
            end = load.until("end", window.on_event)
    figures = {**window.figures, **end}
    if figures.get("cpu_all"):
        figures["per_cpu_second"] = figures["per_second"] / figures["cpu_all"]
    return figures


def storm(bench: Bench, spec: Spec, _mode: str, options: dict) -> dict[str, float]:
    """The time until the last of many simultaneous connects has been served, or the limit."""
    options = {**options, "limit": STORM_LIMIT * bench.seconds}
    with Server(spec, bench.setup) as server, bench.load("storm", server.port, options) as load:
        figures = load.until("end")
    figures["all_served"] = figures["served"] == options["clients"]
    return figures


def silent(bench: Bench, spec: Spec, mode: str, options: dict) -> dict[str, float]:
    """How long real WebSocket handshakes take beside a crowd of silent connections."""
    with Server(spec, bench.setup) as server, bench.load(mode, server.port, options) as load:
        return load.until("end")


def large(bench: Bench, spec: Spec, mode: str, options: dict) -> dict[str, float]:
    """Throughput in bytes, and the memory still in use afterwards."""
    with Server(spec, bench.setup) as server:
        before = machine.memory(server.pid)
        window = Window(server)
        with bench.load(mode, server.port, options) as load:
            figures = load.until("end", window.on_event)
        time.sleep(REST_TIME)
        after = machine.memory(server.pid)
    figures = {**window.figures, **figures}
    figures["megabytes_per_second"] = figures["per_second"] * options["size"] / 1e6
    if before:
        figures["memory_peak"] = (after["peak"] - before["now"]) / MEBIBYTE
        figures["memory_left"] = (after["now"] - before["now"]) / MEBIBYTE
    return figures


def hoard(bench: Bench, spec: Spec, mode: str, options: dict) -> dict[str, float]:
    """The most memory above idle that clients can make the server hold, and how another client fares meanwhile."""
    with Server(spec, bench.setup) as server, bench.load(mode, server.port, options) as load:
        load.until("connected")
        time.sleep(0.5)
        before = machine.memory(server.pid)
        figures = load.until("sent")
        after = machine.memory(server.pid)
        with contextlib.suppress(BrokenPipeError):
            load.go_on()
    if before:
        figures["memory_peak"] = (after["peak"] - before["now"]) / MEBIBYTE
    return figures


def idle(bench: Bench, spec: Spec, mode: str, options: dict) -> dict[str, float]:
    """The cost of silent clients: memory, and main-thread time per frame."""
    clients = options["clients"]
    figures: dict[str, float] = {}
    with Server(spec, bench.setup) as server:
        before = machine.memory(server.pid)
        alone = frame_cost(bench, server)
        with bench.load(mode, server.port, options) as load:
            load.until("connected")
            time.sleep(0.5)
            after = machine.memory(server.pid)
            together = frame_cost(bench, server)
            load.go_on()
            if (alive := load.until("end")["alive"]) != clients:
                raise Failure(f"{clients - alive} of {clients} idle clients were lost")
    if before:
        figures["bytes_each"] = (after["now"] - before["now"]) / clients
    if together and alone:
        figures["frame_ms"] = max(together - alone, 0.0) * 1000
        figures["frame_ms_10000"] = figures["frame_ms"] * 10_000 / clients
    return figures


def frame_cost(bench: Bench, server: Server) -> float:
    """Main-thread time per frame, in seconds."""
    if not server.spec.is_scene:
        return 0.0
    server.ask("reset")
    start = machine.Usage(server.pid)
    time.sleep(bench.seconds)
    end = machine.Usage(server.pid)
    frames = server.ask("stats").get("frames", 0)
    return (end.main - start.main) / frames if frames and start.main is not None else 0.0


def flood(bench: Bench, spec: Spec, mode: str, options: dict) -> dict[str, float]:
    """Frame times while clients send as fast as they can, messages lost, and main-thread time per message."""
    with Server(spec, bench.setup) as server:
        window = Window(server)
        with bench.load(mode, server.port, options) as load:
            sent = load.until("sent", window.on_event)["sent"]
            received = wait_for(server, sent)
            with contextlib.suppress(BrokenPipeError):
                load.go_on()
    figures = window.figures
    figures["lost"] = sent - received
    figures["lost_share"] = figures["lost"] / sent if sent else 0.0
    figures["per_second"] = figures["handled"] / figures["window"]
    if figures.get("cpu_main") and figures["handled"]:
        figures["main_ms_per_1000"] = figures["cpu_main"] * 1e6 / figures["per_second"]
    return figures


def wait_for(server: Server, count: int) -> int:
    """Waits until this number of messages was received, or no more arrive."""
    received = -1
    deadline = time.monotonic() + FLOOD_REST
    while True:
        before, received = received, server.ask("stats")["received"]
        if received >= count or time.monotonic() > deadline:
            return received
        if received > before:
            changed = time.monotonic()
        elif time.monotonic() > changed + FLOOD_STILL:
            return received
        time.sleep(0.1)
