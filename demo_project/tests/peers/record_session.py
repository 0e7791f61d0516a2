"""A TCP proxy that records WebSocket connections: record_session.py REPORT_PORT SERVER_PORT FILE VERSION

Over a connection to REPORT_PORT it reports its own port. When the last of its connections has ended, it writes FILE and
reports `done`.
"""

import json
import re
import selectors
import socket
import sys
import time

LIFE_SECONDS = 60
HEADER = """\
# All bytes of two connections, in the order in which they came. The server and both clients had the engine's own
# WebSocketMultiplayerPeer (Godot {version}). record.gd says how to renew this.
#
# Each line has the number of the connection, `>` (from the client) or `<` (from the server), and an HTTP head as a JSON
# string, a WebSocket frame in hexadecimal (header, mask, payload), or `end`. Behind `;` is the payload as text; for a
# masked frame, the unmasked payload in hexadecimal comes before it.
"""


def take_head(buffer):
    end = buffer.find(b"\r\n\r\n")
    return None if end < 0 else json.dumps(take(buffer, end + 4).decode())


def take_frame(buffer):
    """Removes a frame and returns its line, or None if it is incomplete."""
    if len(buffer) < 2:
        return None
    wide = {126: 2, 127: 8}.get(buffer[1] & 0x7F, 0)
    length = int.from_bytes(buffer[2 : 2 + wide], "big") if wide else buffer[1] & 0x7F
    masked = 4 * (buffer[1] >> 7)
    if len(buffer) < 2 + wide + masked + length:
        return None
    header, mask, payload = take(buffer, 2 + wide), take(buffer, masked), take(buffer, length)
    plain = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload)) if mask else payload
    text = re.sub(r"[^ -~]", ".", plain.decode("latin-1"))
    meaning = f"{plain.hex()} {text}" if mask else text
    return " ".join(part.hex() for part in (header, mask, payload) if part) + f" ; {meaning}"


def take(buffer, count):
    taken = bytes(buffer[:count])
    del buffer[:count]
    return taken


class Way:
    """One direction of a connection."""

    def __init__(self, name, source, target):
        self.name, self.source, self.target = name, source, target
        self.buffer = bytearray()
        self.has_head = False

    def forward(self, lines):
        """Passes on what has come. Returns False at its end."""
        try:
            chunk = self.source.recv(65536)
        except ConnectionError:
            chunk = b""
        self.buffer += chunk
        while line := (take_frame if self.has_head else take_head)(self.buffer):
            self.has_head = True
            lines.append(f"{self.name} {line}")
        if not chunk:
            assert not self.buffer, f"an incomplete frame in {self.name}: {self.buffer}"
            lines.append(f"{self.name} end")
        try:
            if chunk:
                self.target.sendall(chunk)
            else:
                self.target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # The other side has gone, as the recording shows.
        return bool(chunk)


def record(listener, server_port):
    """Returns the lines once every connection has ended."""
    lines, opened, open_ways = [], 0, 0
    deadline = time.monotonic() + LIFE_SECONDS
    ready = selectors.DefaultSelector()
    ready.register(listener, selectors.EVENT_READ)
    while not opened or open_ways:
        assert time.monotonic() < deadline, "the session does not end"
        for key, _ in ready.select(1.0):
            if key.data is None:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", server_port))
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                opened += 1
                open_ways += 2
                ready.register(client, selectors.EVENT_READ, Way(f"{opened} >", client, server))
                ready.register(server, selectors.EVENT_READ, Way(f"{opened} <", server, client))
            elif not key.data.forward(lines):
                ready.unregister(key.fileobj)
                open_ways -= 1
    return lines


def main():
    report_port, server_port, path, version = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(("127.0.0.1", report_port)) as report:
            report.sendall(f"{listener.getsockname()[1]}\n".encode())
            lines = record(listener, server_port)
            with open(path, "w", encoding="utf-8", newline="\n") as file:
                file.write(HEADER.format(version=version) + "\n".join(line.strip() for line in lines) + "\n")
            report.sendall(b"done\n")


main()
