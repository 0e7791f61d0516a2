"""Connects and sends blocks of 16 bytes, each with its number in the first 8 (little endian).

    flood.py PORT COUNT

With a COUNT of 0, it sends until the other side closes. Ends by itself after a minute.
"""

import socket
import struct
import sys
import time

BLOCKS_AT_ONCE = 4096


def main() -> None:
    port, count = int(sys.argv[1]), int(sys.argv[2])
    end = time.monotonic() + 60
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(60)
        number = 0
        try:
            while time.monotonic() < end and (count == 0 or number < count):
                last = number + BLOCKS_AT_ONCE if count == 0 else min(count, number + BLOCKS_AT_ONCE)
                connection.sendall(b"".join(struct.pack("<QQ", n, 0) for n in range(number, last)))
                number = last
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)
        except OSError:
            pass


main()
