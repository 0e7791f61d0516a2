"""The kinds of measurement of high-level multiplayer. The times are those of the server's main thread per frame."""

import contextlib

import measure
from measure import Bench, Window
from servers import Server, Spec

# Seconds that clients may take to join. The engine's class takes longer, so that its figure is this.
JOIN_LIMIT = 8


def join(bench: Bench, spec: Spec, mode: str, options: dict) -> dict[str, float]:
    """The time until the last of many clients that join at once has its id, or the limit."""
    options = {**options, "work": "join", "limit": JOIN_LIMIT}
    with Server(spec, bench.setup) as server, bench.load(mode, server.port, options) as load:
        return load.until("end")


def run(bench: Bench, spec: Spec, mode: str, options: dict) -> dict[str, float]:
    """Broadcasts, or packets from client to client."""
    with Server(spec, bench.setup) as server:
        window = _Window(server)
        with bench.load(mode, server.port, options) as load:
            end = load.until("end", window.on_event)
    return _with_cost({**window.figures, **end})


def calls(bench: Bench, spec: Spec, mode: str, options: dict) -> dict[str, float]:
    """RPCs to the server, and how many are lost."""
    with Server(spec, bench.setup) as server:
        window = _Window(server)
        with bench.load(mode, server.port, options) as load:
            sent = load.until("sent", window.on_event)["sent"]
            received = measure.wait_for(server, sent)
            with contextlib.suppress(BrokenPipeError):
                load.go_on()
    figures = window.figures
    figures["lost"] = sent - received
    figures["per_second"] = figures["handled"] / figures["window"]
    return _with_cost(figures)


class _Window(Window):
    def on_event(self, event: str) -> None:
        if event == "connected":
            self._server.ask("begin")
        super().on_event(event)


def _with_cost(figures: dict[str, float]) -> dict[str, float]:
    """Adds the main thread's time per packet."""
    if figures.get("cpu_main") is not None and figures.get("per_second"):
        figures["main_usec_each"] = figures["cpu_main"] * 1e6 / figures["per_second"]
    if figures.get("cpu_main") is not None and figures.get("frames"):
        figures["main_usec_per_frame"] = figures["cpu_main"] * figures["window"] * 1e6 / figures["frames"]
    return figures
