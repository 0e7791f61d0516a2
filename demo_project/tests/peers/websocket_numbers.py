"""A WebSocket server that is meant to be killed, or cut off: PORT ROUND [HOST]. Sends "s ROUND N" with N = 0, 1, ... to
every client, and answers each text "TEXT" with "e TEXT". Ends by itself after a minute."""

import base64
import hashlib
import os
import socket
import struct
import sys
import threading
import time

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def text_frame(text):
    payload = text.encode()
    if len(payload) < 126:
        return bytes([0x81, len(payload)]) + payload
    return bytes([0x81, 126]) + struct.pack(">H", len(payload)) + payload


def read_frame(stream):
    first, length = stream.read(2)
    length &= 0x7F
    if length >= 126:
        length = int.from_bytes(stream.read(2 if length == 126 else 8), "big")
    mask = stream.read(4)
    payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(stream.read(length)))
    return first & 0xF, payload


def serve(connection, name):
    stream = connection.makefile("rb")
    key = b""
    while (line := stream.readline().strip()) != b"":
        if line.lower().startswith(b"sec-websocket-key:"):
            key = line.split(b":", 1)[1].strip()
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    connection.sendall(head + accept + b"\r\n\r\n")
    turn = threading.Lock()

    def count():
        number = 0
        while True:
            with turn:
                connection.sendall(text_frame(f"s {name} {number}"))
            number += 1
            time.sleep(0.0005)

    threading.Thread(target=count, daemon=True).start()
    while True:
        kind, payload = read_frame(stream)
        if kind == 0x1:
            with turn:
                connection.sendall(text_frame("e " + payload.decode()))


def main():
    threading.excepthook = lambda _arguments: None
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1", int(sys.argv[1])))
    listener.listen(64)
    timer = threading.Timer(60, lambda: os._exit(1))
    timer.daemon = True
    timer.start()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, sys.argv[2]), daemon=True).start()


main()
