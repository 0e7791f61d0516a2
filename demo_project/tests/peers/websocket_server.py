"""A WebSocket server with the `websockets` package: websocket_server.py REPORT_PORT [CERTIFICATE KEY]

Over a connection to REPORT_PORT it reports its port, then a line for each client that leaves. It echoes messages, and obeys
texts that start with a slash (see test_websocket_client_peers.gd).
"""

import asyncio
import http
import ssl
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

LIFE_SECONDS = 60


async def obey(socket, command, argument):
    if command == "/close":
        code, _, reason = argument.partition(" ")
        await socket.close(int(code), reason)
    elif command == "/ping":
        await asyncio.wait_for(await socket.ping(argument), 5)
        await socket.send("pong")
    elif command == "/fragments":
        await socket.send(["one ", "two ", "", "three 🌍"])
        await socket.send([b"\xff", b"\x00" * 100_000, b"\xff"])
    elif command == "/header":
        await socket.send(socket.request.headers[argument])
    elif command == "/path":
        await socket.send(socket.request.path)
    elif command == "/count":
        for number in range(int(argument)):
            await socket.send(str(number))


def answer(connection, request):
    """Refuses one path."""
    if request.path == "/forbidden":
        return connection.respond(http.HTTPStatus.UNAUTHORIZED, "no\n")
    return None


async def main():
    report_port, *identity = sys.argv[1:]
    _, report = await asyncio.open_connection("127.0.0.1", int(report_port))

    async def handle(socket):
        try:
            async for message in socket:
                if isinstance(message, str) and message.startswith("/"):
                    command, _, argument = message.partition(" ")
                    await obey(socket, command, argument)
                else:
                    await socket.send(message)
        except ConnectionClosed:
            pass
        report.write(f"{socket.close_code} {socket.close_reason}\n".encode())

    context = None
    if identity:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*identity)
    options = {"max_size": None, "subprotocols": ["first", "second"], "process_request": answer, "ssl": context}
    async with serve(handle, "127.0.0.1", 0, **options) as server:
        report.write(f"{server.sockets[0].getsockname()[1]}\n".encode())
        await asyncio.sleep(LIFE_SECONDS)


asyncio.run(main())
