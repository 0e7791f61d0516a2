"""Sends lines and a large block to an echo server, checks the echoes, and finally prints `ok`.

    echo_client.py PORT
"""

import hashlib
import random
import socket
import sys
import threading

BLOCK = 3 * 1024 * 1024


def receive(connection: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = connection.recv(min(size, 65536))
        if not part:
            raise SystemExit("the server is gone")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def main() -> None:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
        connection.settimeout(30)
        for number in range(100):
            line = b"line %d\n" % number
            connection.sendall(line)
            assert receive(connection, len(line)) == line
        block = random.randbytes(BLOCK)
        sender = threading.Thread(target=connection.sendall, args=(block,))
        sender.start()
        received = receive(connection, BLOCK)
        sender.join()
        assert hashlib.sha256(received).digest() == hashlib.sha256(block).digest()
        connection.sendall(b"ok\n")
        assert receive(connection, 3) == b"ok\n"


main()
