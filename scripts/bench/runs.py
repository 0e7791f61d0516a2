"""The list of runs, each with the servers that it compares."""

from dataclasses import dataclass
from typing import Callable

import client_runs
import measure
import multiplayer
from servers import NODE, Spec, bare, client_scene, scene

# Microseconds per frame that a server gives to the network: nearly all of the 16.67 ms at 60 FPS.
BUDGET = 16000

MANY = {"clients": 100, "in_flight": 32, "size": 64}
LONE = {"clients": 1, "in_flight": 1, "size": 64}
SINGLE = {"clients": 100, "in_flight": 1, "size": 64}
LARGE = {"protocol": "binary", "clients": 4, "in_flight": 1, "size": 1024 * 1024}

# So few datagrams in flight fit into the system's buffer of a socket.
DATAGRAMS = {"clients": 4, "in_flight": 32}

# The engine's server has a backlog of 8; batches of that size connect without a pause.
GENTLE = {"batch": 8}
QUICK = {"batch": 100}


@dataclass(frozen=True)
class Run:
    name: str
    servers: dict[str, Spec]
    options: dict
    mode: str = "echo"
    way: Callable[..., dict] = measure.throughput
    # Options that differ for one server.
    changes: tuple[tuple[str, dict], ...] = ()

    def options_of(self, server: str) -> dict:
        usual = GENTLE if server == "engine" else QUICK
        if self.servers[server].role == "client":
            usual = {}
        return {**usual, **self.options, **dict(self.changes).get(server, {})}


def _websocket(fps: int = 60, budget: int = BUDGET, work: str = "echo", **more) -> dict[str, Spec]:
    return {
        "addon": scene("addon_websocket", fps=fps, budget=budget, work=work, **more),
        "engine": scene("engine_websocket", fps=fps, work=work, **more),
    }


def _tcp(fps: int = 60, budget: int = BUDGET, work: str = "echo", engine_work: str = "echo") -> dict[str, Spec]:
    return {
        "addon": scene("addon_tcp", fps=fps, budget=budget, work=work),
        "engine": scene("engine_tcp", fps=fps, work=engine_work),
    }


def _tls(fps: int = 60, budget: int = BUDGET, work: str = "echo") -> dict[str, Spec]:
    return {
        "addon": scene("addon_tcp", fps=fps, budget=budget, work=work, tls=1),
        "engine": scene("engine_tls", fps=fps, tls=1),
    }


def _udp(budget: int = BUDGET, work: str = "echo", engine_work: str = "echo") -> dict[str, Spec]:
    return {
        "addon": scene("addon_udp", fps=60, budget=budget, work=work),
        "engine": scene("engine_udp", fps=60, work=engine_work),
    }


def _multiplayer(work: str = "count", budget: int = 0) -> dict[str, Spec]:
    return {
        "addon": scene("addon_multiplayer", fps=60, budget=budget, work=work),
        "engine": scene("engine_multiplayer", fps=60, work=work),
    }


def _client(fps: int = 60, budget: int = BUDGET, work: str = "echo") -> dict[str, Spec]:
    return {
        "addon": client_scene("addon_websocket", fps=fps, budget=budget, work=work),
        "engine": client_scene("engine_websocket", fps=fps),
    }


def _client_run(name: str, clients: dict[str, Spec], **options) -> Run:
    return Run(name, clients, options, way=client_runs.round_trips)


def _multiplayer_run(name: str, work: str, servers: dict[str, Spec], way=multiplayer.run, **options) -> Run:
    return Run(name, servers, {"work": work, **options}, "multiplayer", way)


_ADDON = {"addon": _websocket(60)["addon"]}
_RELAY_IN_BACKGROUND = {"addon": _multiplayer("relay")["addon"]}
_BARE = {"bare": bare("websocket")}
_BARE_TCP = {"bare": bare("tcp")}
_BARE_UDP = {"bare": bare("udp")}
_BARE_SMALL = {"bare": bare("websocket", read_buffer=4096)}
_NODE = {"node": NODE}

RUNS = (
    Run("websocket_text", {**_websocket(), **_NODE, **_BARE}, {**MANY, "protocol": "text"}),
    Run("websocket_binary", {**_websocket(), **_NODE, **_BARE}, {**MANY, "protocol": "binary"}),
    Run("websocket_text_uncapped", _websocket(0, 0), {**MANY, "protocol": "text"}),
    Run("websocket_text_automatic", _websocket(60, 0), {**MANY, "protocol": "text"}),
    Run("tcp", {**_tcp(), **_BARE_TCP}, {**MANY, "protocol": "tcp"}),
    Run("tcp_unframed", _tcp(work="stream"), {**MANY, "protocol": "tcp"}),
    Run("tcp_uncapped", _tcp(0, 0, engine_work="blocks"), {**MANY, "protocol": "tcp"}),
    Run("tcp_unframed_uncapped", _tcp(0, work="stream"), {**MANY, "protocol": "tcp"}),
    Run("lone_websocket", {**_websocket(), **_BARE}, {**LONE, "protocol": "binary"}),
    Run("lone_tcp", {**_tcp(), **_BARE_TCP}, {**LONE, "protocol": "tcp"}),
    Run("lone_at_random", {**_websocket(), **_BARE}, {**LONE, "protocol": "binary", "think_ms": 5}),
    Run("single_websocket", {**_websocket(), **_BARE}, {**SINGLE, "protocol": "binary"}),
    Run("single_tcp", {**_tcp(), **_BARE_TCP}, {**SINGLE, "protocol": "tcp"}),
    Run(
        "storm",
        _tcp(60, 0),
        {"clients": 1000},
        "storm",
        measure.storm,
        (("engine", {"clients": 100}),),
    ),
    Run("handshakes", {**_websocket(60, 0), **_NODE, **_BARE}, {"clients": 100, "together": 1}, "handshakes"),
    Run("handshakes_in_turn", {**_websocket(60, 0), **_NODE, **_BARE}, {"clients": 100}, "handshakes"),
    Run("silent_crowd", {"addon": _websocket(60, 0)["addon"]}, {"clients": 6000}, "silent", measure.silent),
    Run(
        "idle",
        {**_websocket(60, 0), **_BARE_SMALL},
        {"clients": 5000},
        "idle",
        measure.idle,
        (("engine", {"clients": 500}),),
    ),
    Run("idle_10000", {"addon": _websocket(60, 0)["addon"]}, {"clients": 10_000}, "idle", measure.idle),
    Run(
        "flood",
        _websocket(60, 0, "count"),
        {"clients": 4, "protocol": "binary", "size": 64},
        "flood",
        measure.flood,
    ),
    Run(
        "broadcast",
        {**_websocket(60, BUDGET, "broadcast"), "bare": bare("broadcast")},
        {"clients": 1000, "size": 64, "burst": 16},
        "broadcast",
    ),
    # One client more than those that hoard: the observer.
    Run("unfinished", _ADDON, {"clients": 201, "way": "unfinished"}, "hoard", measure.hoard),
    Run("unread", _ADDON, {"clients": 51, "way": "unread"}, "hoard", measure.hoard),
    Run("large", {**_websocket(), **_BARE}, LARGE, "echo", measure.large),
    Run("wss", _websocket(tls=1), {**MANY, "protocol": "binary", "tls": 1}),
    Run("tls", _tls(), {**MANY, "protocol": "tcp", "tls": 1}),
    Run("tls_unframed", _tls(work="stream"), {**MANY, "protocol": "tcp", "tls": 1}),
    Run("wss_handshakes", _websocket(60, 0, tls=1), {"clients": 32, "tls": 1}, "handshakes"),
    Run("tls_handshakes", _tls(60, 0), {"protocol": "tcp", "clients": 32, "tls": 1}, "handshakes"),
    Run("udp", {**_udp(), **_BARE_UDP}, DATAGRAMS, "datagrams"),
    Run("udp_receive", _udp(work="receive"), DATAGRAMS, "datagrams"),
    Run("udp_automatic", _udp(0), DATAGRAMS, "datagrams"),
    Run("udp_lone", {**_udp(), **_BARE_UDP}, {"clients": 1, "in_flight": 1}, "datagrams"),
    Run("udp_paced", _udp(0, "count", "count"), {"rate": 20_000}, "pour", measure.flood),
    Run("udp_flood", _udp(0, "count", "count"), {}, "pour", measure.flood),
    Run("udp_flood_receive", _udp(0, "take", "count"), {}, "pour", measure.flood),
    _client_run("client", _client(), in_flight=32),
    _client_run("client_receive", _client(work="receive"), in_flight=32),
    _client_run("client_automatic", _client(60, 0), in_flight=32),
    _client_run("client_uncapped", _client(0, 0), in_flight=32),
    _client_run("client_lone", _client(), in_flight=1),
    _multiplayer_run("multiplayer_join", "join", _multiplayer("join"), multiplayer.join, clients=100),
    _multiplayer_run("multiplayer_calls", "calls", _multiplayer(), multiplayer.calls, clients=100, rate=30),
    _multiplayer_run("multiplayer_flood", "flood", _multiplayer(), multiplayer.calls, clients=4),
    _multiplayer_run("multiplayer_broadcast", "broadcast", _multiplayer("call"), clients=500),
    _multiplayer_run("multiplayer_relay", "relay", _multiplayer(), clients=20, in_flight=256),
    _multiplayer_run("multiplayer_relay_background", "relay", _RELAY_IN_BACKGROUND, clients=20, in_flight=256),
    _multiplayer_run("multiplayer_relay_paced", "relay", _multiplayer(), clients=20, rate=30),
    _multiplayer_run("multiplayer_relay_paced_background", "relay", _RELAY_IN_BACKGROUND, clients=20, rate=30),
    Run("client_idle", _client(60, 0, "idle"), {"count": 1000}, way=client_runs.idle),
)
