"""The table: which figures of the runs are shown, how they are compared, and their targets."""

from dataclasses import dataclass
from statistics import median

SERVERS = ("addon", "engine", "node", "nginx", "bare")


@dataclass(frozen=True)
class Target:
    """A target for a figure: a ratio to another server, or an absolute value."""

    limit: float
    against: str | None = None
    at_least: bool = True

    def text(self) -> str:
        sign = ">=" if self.at_least else "<="
        if self.against is None:
            return f"{sign} {number(self.limit)}"
        than = "" if self.against == "engine" else f" {self.against}"
        return f"{sign} {self.limit:g}x{than}"


@dataclass(frozen=True)
class Row:
    title: str
    run: str
    figure: str
    unit: str
    target: Target | None = None
    more_is_better: bool = True


def at_least(factor: float, against: str = "engine") -> Target:
    return Target(factor, against)


def at_most(value: float) -> Target:
    return Target(value, None, at_least=False)


MANY = "100 clients, 64 B, 32 in flight"

ROWS = (
    Row(f"WebSocket text echo, 60 FPS ({MANY})", "websocket_text", "per_second", "/s", at_least(6)),
    Row("  per second of server CPU", "websocket_text", "per_cpu_second", "/s"),
    Row("WebSocket binary echo, 60 FPS", "websocket_binary", "per_second", "/s", at_least(6)),
    Row("  per second of server CPU", "websocket_binary", "per_cpu_second", "/s"),
    Row("WebSocket text echo, automatic processing, no frame limit", "websocket_text_uncapped", "per_second", "/s"),
    Row("WebSocket text echo, automatic processing, 60 FPS", "websocket_text_automatic", "per_second", "/s"),
    Row("TCP echo of exact blocks, 60 FPS (engine: unframed)", "tcp", "per_second", "/s", at_least(2.5)),
    Row("  per second of server CPU", "tcp", "per_cpu_second", "/s"),
    Row("TCP echo of whatever comes, 60 FPS", "tcp_unframed", "per_second", "/s"),
    Row("TCP echo of exact blocks (both), automatic processing, no frame limit", "tcp_uncapped", "per_second", "/s"),
    Row("TCP echo of whatever comes, process(budget), no frame limit", "tcp_unframed_uncapped", "per_second", "/s"),
    Row("lone request by WebSocket, 60 FPS: p50", "lone_websocket", "p50_ms", "ms", at_most(0.15), False),
    Row("lone request by WebSocket, 60 FPS: p99", "lone_websocket", "p99_ms", "ms", at_most(1.0), False),
    Row("lone request by TCP, 60 FPS: p50", "lone_tcp", "p50_ms", "ms", at_most(0.15), False),
    Row("lone request by TCP, 60 FPS: p99", "lone_tcp", "p99_ms", "ms", at_most(1.0), False),
    Row("lone request at a random moment: p50", "lone_at_random", "p50_ms", "ms", at_least(0.5, "bare"), False),
    Row("lone request at a random moment: p99", "lone_at_random", "p99_ms", "ms", at_most(1.0), False),
    Row("100 WebSocket clients, 1 in flight, 60 FPS", "single_websocket", "per_second", "/s", at_least(10)),
    Row("100 TCP clients, 1 in flight, 60 FPS", "single_tcp", "per_second", "/s", at_least(10)),
    Row("1,000 connects at once (engine: 100): all served", "storm", "seconds", "s", at_most(0.5), False),
    Row("WebSocket handshakes, 100 together, 60 FPS", "handshakes", "per_second", "/s", at_least(30)),
    Row("  100 in turn: each admitted client makes room for the next", "handshakes_in_turn", "per_second", "/s"),
    Row("  100 in turn: p99 of the time of one", "handshakes_in_turn", "p99_ms", "ms", None, False),
    Row("WebSocket handshake beside 6,000 silent ones: slowest", "silent_crowd", "max_ms", "ms", at_most(1000), False),
    Row("  handshakes that failed (of 20)", "silent_crowd", "failed", "", at_most(0), False),
    Row("  echo of another client meanwhile: slowest", "silent_crowd", "echo_max_ms", "ms", None, False),
    Row("idle WebSocket client, memory (5,000; engine: 500)", "idle", "bytes_each", "B", at_most(5000), False),
    Row("10,000 idle clients, main thread per frame", "idle_10000", "frame_ms_10000", "ms", at_most(0.05), False),
    Row("  from fewer clients (5,000; engine: 500)", "idle", "frame_ms_10000", "ms", None, False),
    Row("frame time under flood, 60 FPS: p99", "flood", "frame_usec_p99", "us", at_most(17500), False),
    Row("  messages lost", "flood", "lost", "", at_most(0), False),
    Row("  messages handled", "flood", "per_second", "/s"),
    Row("main thread per 1,000 small messages", "flood", "main_ms_per_1000", "ms", at_most(0.6), False),
    Row("broadcast, 1,000 clients, 64 B, 16 in a row", "broadcast", "per_second", "/s", at_least(0.5, "bare")),
    Row("  the call itself, mean", "broadcast", "call_usec_mean", "us", at_most(300), False),
    Row("200 unfinished messages of 16 MiB: memory over idle", "unfinished", "memory_peak", "MiB", at_most(286), False),
    Row("  slowest echo of another client meanwhile", "unfinished", "slowest_echo_ms", "ms", None, False),
    Row("50 clients that read nothing: memory over idle", "unread", "memory_peak", "MiB", at_most(286), False),
    Row("  slowest echo of another client meanwhile", "unread", "slowest_echo_ms", "ms", None, False),
    Row("1 MiB binary echo, 4 clients, 60 FPS", "large", "megabytes_per_second", "MB/s", at_least(3)),
    Row("  memory while it runs, over before", "large", "memory_peak", "MiB", None, False),
    Row("  memory left afterwards", "large", "memory_left", "MiB", at_most(16), False),
    Row(f"wss binary echo, 60 FPS ({MANY})", "wss", "per_second", "/s", at_least(1)),
    Row("  per second of server CPU", "wss", "per_cpu_second", "/s"),
    Row("TLS echo of exact blocks, 60 FPS (engine: unframed)", "tls", "per_second", "/s", at_least(1)),
    Row("  per second of server CPU", "tls", "per_cpu_second", "/s"),
    Row("TLS echo of whatever comes, 60 FPS", "tls_unframed", "per_second", "/s", at_least(1)),
    Row("  per second of server CPU", "tls_unframed", "per_cpu_second", "/s"),
    Row("wss handshakes, 32 in turn, 60 FPS", "wss_handshakes", "per_second", "/s", at_least(1)),
    Row("  frame time meanwhile: p99", "wss_handshakes", "frame_usec_p99", "us", at_least(1), False),
    Row("TLS handshakes and first echo, 32 in turn, 60 FPS", "tls_handshakes", "per_second", "/s", at_least(1)),
    Row("  frame time meanwhile: p99", "tls_handshakes", "frame_usec_p99", "us", at_least(1), False),
    Row("UDP echo, 60 FPS (4 clients, 64 B, 32 in flight)", "udp", "per_second", "/s", at_least(1)),
    Row("  per second of server CPU", "udp", "per_cpu_second", "/s"),
    Row("  by recv_from", "udp_receive", "per_second", "/s", at_least(1)),
    # A frame handles what has arrived. The engine's loop goes on while the peers answer, and the frame waits for it.
    Row("  automatic processing", "udp_automatic", "per_second", "/s"),
    Row("    frame time: p99", "udp_automatic", "frame_usec_p99", "us", None, False),
    Row("  lost", "udp", "lost", "", at_most(0), False),
    Row("lone request by UDP, 60 FPS: p50", "udp_lone", "p50_ms", "ms", at_most(0.15), False),
    Row("20,000 datagrams a second, automatic processing, 60 FPS: lost", "udp_paced", "lost_share", "", None, False),
    Row("  main thread per 1,000 datagrams", "udp_paced", "main_ms_per_1000", "ms", None, False),
    Row("UDP flood, automatic processing, 60 FPS: handled", "udp_flood", "per_second", "/s", at_least(1)),
    Row("  by recv_from", "udp_flood_receive", "per_second", "/s", at_least(1)),
    Row("  lost", "udp_flood", "lost_share", "", None, False),
    Row("  frame time: p99", "udp_flood", "frame_usec_p99", "us", at_least(1), False),
    Row("HTTP, files of 1 KiB, 32 connections, 60 FPS", "pages", "per_second", "/s", at_least(1, "node")),
    Row("  per second of server CPU", "pages", "per_cpu_second", "/s"),
    Row("  frame time meanwhile: p99", "pages", "frame_usec_p99", "us", at_most(17500), False),
    Row("  a connection for each", "pages_unkept", "per_second", "/s", at_least(1, "node")),
    Row("    frame time meanwhile: p99", "pages_unkept", "frame_usec_p99", "us", at_most(17500), False),
    Row("  of the disk", "pages_disk", "per_second", "/s"),
    Row("    frame time meanwhile: p99", "pages_disk", "frame_usec_p99", "us", at_most(17500), False),
    Row("  by a script, automatic processing", "pages_script", "per_second", "/s"),
    Row("    frame time meanwhile: p99", "pages_script", "frame_usec_p99", "us", at_most(17500), False),
    Row("WebSocketClient, 64 B, 32 in flight, 60 FPS", "client", "per_second", "/s", at_least(8)),
    Row("  per second of client CPU", "client", "per_cpu_second", "/s"),
    Row("  by recv_binary", "client_receive", "per_second", "/s", at_least(8)),
    Row("  automatic processing", "client_automatic", "per_second", "/s"),
    Row("  automatic processing, no frame limit", "client_uncapped", "per_second", "/s"),
    Row("    per second of client CPU", "client_uncapped", "per_cpu_second", "/s"),
    Row("lone request by WebSocketClient, 60 FPS: p50", "client_lone", "p50_ms", "ms", at_most(0.15), False),
    Row("lone request by WebSocketClient, 60 FPS: p99", "client_lone", "p99_ms", "ms", at_most(1.0), False),
    Row("1,000 idle WebSocketClients, memory of each", "client_idle", "bytes_each", "B", at_most(5000), False),
    Row("  main thread per frame", "client_idle", "frame_ms", "ms", None, False),
    Row("multiplayer: 100 clients join at once, all in", "multiplayer_join", "seconds", "s", at_least(100), False),
    Row("  clients that are in by then, or at the limit", "multiplayer_join", "joined", ""),
    Row("100 clients x 30 RPCs/s, main thread a frame", "multiplayer_calls", "call_usec_p50", "us", at_least(3), False),
    Row("  RPCs lost", "multiplayer_calls", "lost", "", at_most(0), False),
    Row("an RPC to 500 clients, main thread", "multiplayer_broadcast", "call_usec_p50", "us", at_least(10), False),
    Row("flood of RPCs, 60 FPS: frame time, p99", "multiplayer_flood", "frame_usec_p99", "us", at_most(17500), False),
    Row("  RPCs handled", "multiplayer_flood", "per_second", "/s"),
    Row("  RPCs lost", "multiplayer_flood", "lost", "", at_most(0), False),
    Row("relay between clients (20, 256 in flight)", "multiplayer_relay", "per_second", "/s", at_least(1)),
    Row("  frame time: p99", "multiplayer_relay", "frame_usec_p99", "us", at_most(17500), False),
    Row("  main thread per packet", "multiplayer_relay", "main_usec_each", "us", None, False),
    Row("  in the background", "multiplayer_relay_background", "per_second", "/s"),
    Row("    main thread per packet", "multiplayer_relay_background", "main_usec_each", "us", at_most(0.1), False),
    Row("relay of 20 x 30 packets a second: p50", "multiplayer_relay_paced", "p50_ms", "ms", None, False),
    Row("  p99", "multiplayer_relay_paced", "p99_ms", "ms", None, False),
    Row("  in the background: p50", "multiplayer_relay_paced_background", "p50_ms", "ms", at_most(1), False),
    Row("    p99", "multiplayer_relay_paced_background", "p99_ms", "ms", None, False),
    Row("    main thread per frame", "multiplayer_relay_paced_background", "call_usec_p50", "us", None, False),
)


@dataclass(frozen=True)
class Line:
    """A row of the table with its figures."""

    row: Row
    # Per server: the median, and the value of every round.
    figures: dict[str, float]
    rounds: dict[str, list[float]]
    # The ratio to the engine's classes, and whether the row's target is reached.
    ratio: float | None
    is_reached: bool | None


def lines(results: dict[str, dict[str, list[dict]]]) -> list[Line]:
    return [line for row in ROWS if (line := _line(row, results.get(row.run, {}))) is not None]


def _line(row: Row, run: dict[str, list[dict]]) -> Line | None:
    rounds = {server: [_value(figures, row.figure) for figures in run.get(server, [])] for server in SERVERS}
    known = {server: [value for value in values if value is not None] for server, values in rounds.items()}
    known = {server: values for server, values in known.items() if values}
    if "addon" not in known:
        return None
    figures = {server: median(values) for server, values in known.items()}
    ratio = _ratio(row, rounds, "engine")
    reached = None
    if row.target is not None and row.target.against is None:
        reached = (figures["addon"] >= row.target.limit) == row.target.at_least or figures["addon"] == row.target.limit
    elif row.target is not None and (against := _ratio(row, rounds, row.target.against)) is not None:
        reached = against >= row.target.limit
    return Line(row, figures, known, ratio, reached)


def _value(figures: dict, name: str) -> float | None:
    value = figures.get(name)
    return None if value is None else float(value)


def _ratio(row: Row, rounds: dict[str, list[float | None]], other: str) -> float | None:
    """How many times better than another server: the median of the ratios per round, since both sides of a round ran
    under the same conditions."""
    pairs = [pair for pair in zip(rounds["addon"], rounds[other]) if all(pair)]
    if not pairs:
        return None
    return median(own / its if row.more_is_better else its / own for own, its in pairs)


def number(value: float) -> str:
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def with_unit(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{number(value)} {unit}".strip() if unit != "/s" else f"{number(value)}/s"


def text(shown: list[Line], extra: list[list[str]]) -> str:
    head = ["what", "Async Sockets", "engine's classes", "ratio", "Node", "nginx", "bare tokio", "target", ""]
    body = [_cells(line) for line in shown] + extra
    widths = [max(len(row[column]) for row in [head, *body]) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [head, *body])


def _cells(line: Line) -> list[str]:
    unit = line.row.unit
    target = line.row.target.text() if line.row.target else ""
    return [
        line.row.title,
        with_unit(line.figures.get("addon"), unit),
        with_unit(line.figures.get("engine"), unit),
        f"{line.ratio:.1f}x" if line.ratio is not None else "-",
        with_unit(line.figures.get("node"), unit),
        with_unit(line.figures.get("nginx"), unit),
        with_unit(line.figures.get("bare"), unit),
        target,
        verdict(line.is_reached),
    ]


def verdict(is_reached: bool | None) -> str:
    return {None: "", True: "reached", False: "MISSED"}[is_reached]
