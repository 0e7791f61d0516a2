"""Many simultaneous clients: they connect, each has a text echoed, all wait for one broadcast, and disconnect.

    websocket_crowd.py PORT CLIENTS

Client N sends "I am N", waits for the same text and then for "everybody", and closes with the code 3000 + N and the
reason "N". The script succeeds if every client got that far.
"""

import os
import selectors
import socket
import struct
import sys

from websocket_client import CLOSE, TEXT, frame, request, take_frame

PORT, COUNT = int(sys.argv[1]), int(sys.argv[2])
CONNECTING_AT_ONCE = 100

try:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < COUNT + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (COUNT + 100, hard))
except ImportError:
    pass  # Windows has no such limit.


class Client:
    def __init__(self, number):
        self.number = number
        self.buffer = bytearray()
        self.phase = "opening"
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", PORT))

    def connected(self):
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        assert error == 0, os.strerror(error)
        self.socket.sendall(request(PORT))

    def readable(self):
        """Returns whether the client is done."""
        chunk = self.socket.recv(65536)
        if not chunk:
            assert self.phase == "closed", f"client {self.number} was cut off while {self.phase}"
            return True
        self.buffer += chunk
        if self.phase == "opening" and b"\r\n\r\n" in self.buffer:
            head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 "), head
            self.buffer = bytearray(rest)
            self.phase = "talking"
            self.socket.sendall(frame(TEXT, self.text()))
        while self.phase != "opening":
            taken = take_frame(self.buffer)
            if not taken:
                return False
            self.handle(*taken)

    def handle(self, opcode, payload):
        if self.phase == "talking":
            assert (opcode, payload) == (TEXT, self.text()), (opcode, payload)
            self.phase = "waiting"
        elif self.phase == "waiting":
            assert (opcode, payload) == (TEXT, b"everybody"), (opcode, payload)
            self.phase = "closing"
            self.socket.sendall(frame(CLOSE, struct.pack("!H", 3000 + self.number) + str(self.number).encode()))
        else:
            assert self.phase == "closing" and opcode == CLOSE, (self.phase, opcode)
            assert struct.unpack_from("!H", payload)[0] == 3000 + self.number, payload
            self.phase = "closed"

    def text(self):
        return f"I am {self.number}".encode()


selector = selectors.DefaultSelector()
started = connecting = done = 0
while done < COUNT:
    while started < COUNT and connecting < CONNECTING_AT_ONCE:
        client = Client(started)
        selector.register(client.socket, selectors.EVENT_WRITE, client)
        started += 1
        connecting += 1
    events = selector.select(20)
    assert events, f"nothing happens any more; {done} are done"
    for key, mask in events:
        client = key.data
        if mask & selectors.EVENT_WRITE:
            client.connected()
            connecting -= 1
            selector.modify(client.socket, selectors.EVENT_READ, client)
        elif client.readable():
            selector.unregister(client.socket)
            client.socket.close()
            done += 1
print(f"all {done} are done")
