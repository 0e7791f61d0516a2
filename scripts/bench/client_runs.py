"""The kinds of measurement whose subject is the client: a bare server runs where the load otherwise does."""

import dataclasses
import time

import machine
from measure import Bench, Window, frame_cost
from servers import Failure, Server, Spec, bare

CONNECT_TIME = 20


def round_trips(bench: Bench, spec: Spec, _mode: str, options: dict) -> dict[str, float]:
    """Echoes per second of one client, the processor time they cost it, and the time of one if it is alone."""
    with _target(bench) as target, _client(bench, spec, target, options) as client:
        _ask_to_connect(client, "connect", 1)
        client.ask("begin")
        time.sleep(bench.warm_up)
        window = Window(client)
        window.on_event("start")
        time.sleep(bench.seconds)
        window.on_event("stop")
    figures = window.figures
    if figures["faults"]:
        raise Failure(f"{figures['faults']} echoes were not what was sent")
    figures["per_second"] = figures["handled"] / figures["window"]
    if figures.get("cpu_all"):
        figures["per_cpu_second"] = figures["per_second"] / figures["cpu_all"]
    return figures


def idle(bench: Bench, spec: Spec, _mode: str, options: dict) -> dict[str, float]:
    """The memory of idle clients in one process, and the main-thread time per frame that they add.

    The first client comes before the measurement: it starts what all share.
    """
    clients = options["count"]
    with _target(bench) as target, _client(bench, spec, target, options) as client:
        _ask_to_connect(client, "connect", 1)
        time.sleep(0.3)
        before = machine.memory(client.pid)
        alone = frame_cost(bench, client)
        _ask_to_connect(client, "fill", clients)
        time.sleep(0.5)
        after = machine.memory(client.pid)
        together = frame_cost(bench, client)
        if (opened := client.ask("stats")["open"]) != clients:
            raise Failure(f"{clients - opened} of {clients} idle clients were lost")
    figures = {}
    if before:
        figures["bytes_each"] = (after["now"] - before["now"]) / (clients - 1)
    if together and alone:
        figures["frame_ms"] = max(together - alone, 0.0) * 1000
    return figures


def _target(bench: Bench) -> Server:
    setup = dataclasses.replace(bench.setup, processors=bench.load_processors)
    return Server(bare("websocket", read_buffer=4096), setup)


def _client(bench: Bench, spec: Spec, target: Server, options: dict) -> Server:
    return Server(spec.with_options(to=target.port, **options), bench.setup)


def _ask_to_connect(client: Server, how: str, count: int) -> None:
    client.ask(how)
    deadline = time.monotonic() + CONNECT_TIME
    while (opened := client.ask("stats")["open"]) < count:
        if time.monotonic() > deadline:
            raise Failure(f"{opened} of {count} clients were connected")
        time.sleep(0.02)
