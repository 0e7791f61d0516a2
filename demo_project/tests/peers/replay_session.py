"""Plays the clients of a recorded session: replay_session.py PORT FILE [PIECE]

Sends what they sent, at most PIECE bytes at a time, and compares what they get, in the recorded order: nothing is sent
before everything recorded up to there has come. Exits with 1 at the first byte that differs.
"""

import json
import socket
import sys


class Client:
    def __init__(self, port, name):
        self.name = name
        self.socket = socket.create_connection(("127.0.0.1", port), 10.0)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data, piece):
        for at in range(0, len(data), piece):
            self.socket.sendall(data[at : at + piece])

    def expect(self, data):
        got = b""
        while len(got) < len(data):
            chunk = self.receive(len(data) - len(got))
            got += chunk
            if not chunk:
                break
        if got != data:
            sys.exit(f"{self.name} should get\n    {data.hex()} {data}\nand gets\n    {got.hex()} {got}")

    def expect_end(self):
        rest = self.receive(65536)
        if rest:
            sys.exit(f"{self.name} should get nothing more, and gets\n    {rest.hex()} {rest}")

    def receive(self, size):
        try:
            return self.socket.recv(size)
        except socket.timeout:
            sys.exit(f"{self.name} waits for {size} bytes in vain")


def steps(path):
    """The recorded lines as `(connection, direction, bytes)`; None stands for the end."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#"):
                continue
            name, direction, content = line.split(" ", 2)
            if content.startswith('"'):
                yield name, direction, json.loads(content).encode()
            else:
                content = content.partition(";")[0].strip()
                yield name, direction, None if content == "end" else bytes.fromhex(content)


def main():
    port, path, piece = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 65536
    clients = {}
    count = {">": 0, "<": 0}
    for name, direction, data in steps(path):
        if name not in clients:
            clients[name] = Client(port, f"client {name}")
        if data is not None:
            count[direction] += len(data)
        if direction == ">" and data is not None:
            clients[name].send(data, piece)
        elif direction == ">":
            clients[name].socket.shutdown(socket.SHUT_WR)
        elif data is not None:
            clients[name].expect(data)
    # Servers differ in when they end a connection: the engine's does not wait for the answer to its close frame.
    for client in clients.values():
        client.expect_end()
    print(f"{len(clients)} clients sent {count['>']} bytes, and got {count['<']} as recorded")


main()
