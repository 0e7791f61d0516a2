"""A small WebSocket client on a plain socket: just enough of RFC 6455 to drive a server."""

import os
import socket
import struct

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


def request(port, path="/"):
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


def frame(opcode, payload=b""):
    """Encodes a complete message, masked as a client must."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
    elif length < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
    mask = os.urandom(4)
    key = (mask * (length // 4 + 1))[:length]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big") if length else b""
    return head + mask + masked


def take_frame(buffer):
    """Removes a frame from a bytearray and returns `(opcode, payload)`, or None if it is incomplete."""
    if len(buffer) < 2:
        return None
    length, at = buffer[1] & 0x7F, 2
    if length == 126:
        if len(buffer) < 4:
            return None
        length, at = struct.unpack_from("!H", buffer, 2)[0], 4
    elif length == 127:
        if len(buffer) < 10:
            return None
        length, at = struct.unpack_from("!Q", buffer, 2)[0], 10
    if len(buffer) < at + length:
        return None
    opcode, payload = buffer[0] & 0x0F, bytes(buffer[at : at + length])
    del buffer[: at + length]
    return opcode, payload


class Client:
    """A blocking client that handles one message at a time."""

    def __init__(self, port, timeout=10.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(request(port))
        self.buffer = bytearray()
        while b"\r\n\r\n" not in self.buffer:
            self._receive()
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        self.buffer = bytearray(rest)

    def send(self, opcode, payload=b""):
        self.socket.sendall(frame(opcode, payload))

    def receive(self):
        while True:
            taken = take_frame(self.buffer)
            if taken:
                return taken
            self._receive()

    def _receive(self):
        chunk = self.socket.recv(65536)
        if not chunk:
            raise EOFError
        self.buffer += chunk
