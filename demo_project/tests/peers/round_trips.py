"""Sends lone requests of 16 bytes to an echo server, and finally reports the median round trip.

    round_trips.py PORT COUNT

The last thing sent is a line such as `median 123` (microseconds).
"""

import random
import socket
import statistics
import sys
import time


def receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise SystemExit("the server is gone")
        received += part
    return received


def main() -> None:
    port, count = int(sys.argv[1]), int(sys.argv[2])
    times = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(count):
            # So that requests arrive at random moments of a frame.
            time.sleep(random.uniform(0, 0.02))
            request = number.to_bytes(16, "little")
            start = time.perf_counter_ns()
            connection.sendall(request)
            assert receive(connection, 16) == request
            times.append((time.perf_counter_ns() - start) // 1000)
        connection.sendall(b"median %d\n" % statistics.median(times))
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)


main()
