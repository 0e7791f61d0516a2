"""Drives a WebSocketServer with the `websockets` package: websocket_clients.py PORT

The server greets with "welcome ID", echoes messages, and obeys texts that start with a slash (see
test_websocket_other_clients.gd). Prints a line for each feature that works; exits with 1 at the first that does not.
"""

import asyncio
import sys
import urllib.error
import urllib.request

import websockets
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

PORT = int(sys.argv[1])
URL = f"ws://127.0.0.1:{PORT}"


class Client:
    """An async context manager for a connection that has been greeted."""

    def __init__(self, path="/", **options):
        self.opening = connect(URL + path, max_size=None, **options)

    async def __aenter__(self):
        socket = await self.opening.__aenter__()
        greeting = await socket.recv()
        assert greeting.startswith("welcome "), greeting
        return socket

    async def __aexit__(self, *error):
        await self.opening.__aexit__(*error)


async def closed(socket):
    """Waits for the connection's end and returns how it ended."""
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as end:
        received = end.rcvd
        return (received.code, received.reason) if received else (1006, "")


async def echo_of_text_and_binary():
    async with Client() as socket:
        for text in ["", "hello", "wörld 🌍 שלום", "x" * 70000]:
            await socket.send(text)
            assert await socket.recv() == text
        for size in [0, 1, 125, 126, 65535, 65536, 3_000_000]:
            data = bytes([size % 251]) * size
            await socket.send(data)
            assert await socket.recv() == data


async def fragments():
    async with Client() as socket:
        await socket.send(["one ", "two ", "", "three 🌍"])
        assert await socket.recv() == "one two three 🌍"
        await socket.send([b"\xff", b"\x00" * 100_000, b"\xff"])
        assert await socket.recv() == b"\xff" + b"\x00" * 100_000 + b"\xff"


async def ping_and_pong():
    async with Client() as socket:
        latency = await asyncio.wait_for(await socket.ping(b"payload"), 5)
        assert latency >= 0


async def compression_is_declined():
    async with Client(compression="deflate") as socket:
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
        await socket.send("x" * 1000)
        assert await socket.recv() == "x" * 1000


async def subprotocol_by_the_servers_order():
    async with Client(subprotocols=["other", "second", "first"]) as socket:
        assert socket.subprotocol == "first"


async def headers_and_path():
    async with Client("/?a=b", additional_headers={"X-Token": "söcret".encode().decode("latin1")}) as socket:
        assert socket.response.headers["X-Server"] == "tests"
        await socket.send("/path")
        assert await socket.recv() == "/?a=b"


async def the_client_closes():
    async with Client() as socket:
        await socket.close(4321, "bye 👋")
        assert (socket.close_code, socket.close_reason) == (4321, "bye 👋")


async def the_server_closes():
    async with Client() as socket:
        await socket.send("/close 4000 enough")
        assert await closed(socket) == (4000, "enough")


async def a_message_that_is_too_long():
    # Not in a `with` block, which would close it again: the package's close() may fail while a cut connection is ending.
    socket = await connect(URL, max_size=None)
    await socket.recv()
    try:
        await socket.send(b"x" * 5_000_000)
    except ConnectionClosed:
        pass
    assert (await closed(socket))[0] == 1009


async def broadcast_to_all_but_one():
    async with Client() as one, Client() as two, Client() as three:
        await one.send("/shout hear me")
        assert await two.recv() == "hear me"
        assert await three.recv() == "hear me"
        await one.send("after")
        assert await one.recv() == "after"


async def order_of_many():
    async with Client() as socket:
        async def send():
            for number in range(5000):
                await socket.send(str(number))

        sending = asyncio.create_task(send())
        for number in range(5000):
            assert await socket.recv() == str(number)
        await sending


async def a_path_that_does_not_exist():
    try:
        async with Client("/nowhere"):
            raise AssertionError("it came in")
    except InvalidStatus as refusal:
        assert refusal.response.status_code == 404


async def a_plain_get():
    def get():
        try:
            urllib.request.urlopen(URL.replace("ws", "http"), timeout=5)
        except urllib.error.HTTPError as error:
            return error
        raise AssertionError("no error")

    answer = await asyncio.to_thread(get)
    assert answer.code == 426
    assert answer.headers["Sec-WebSocket-Version"] == "13"


TESTS = [
    echo_of_text_and_binary,
    fragments,
    ping_and_pong,
    compression_is_declined,
    subprotocol_by_the_servers_order,
    headers_and_path,
    the_client_closes,
    the_server_closes,
    a_message_that_is_too_long,
    broadcast_to_all_but_one,
    order_of_many,
    a_path_that_does_not_exist,
    a_plain_get,
]


async def main():
    print("websockets", websockets.__version__)
    for test in TESTS:
        await asyncio.wait_for(test(), 20)
        print("works:", test.__name__, flush=True)
    print(f"all {len(TESTS)} work")


asyncio.run(main())
