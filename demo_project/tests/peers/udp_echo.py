"""Echoes every datagram: udp_echo.py PORT

Sends a greeting to that port of this machine from one IPv4 and one IPv6 socket, echoes what they receive, and ends when
both have received "end", or after a minute.
"""

import selectors
import socket
import sys

LIFE_SECONDS = 60


def main() -> None:
    port = int(sys.argv[1])
    with selectors.DefaultSelector() as selector:
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            udp = socket.socket(family, socket.SOCK_DGRAM)
            udp.bind((host, 0))
            udp.sendto(b"hello", (host, port))
            selector.register(udp, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(LIFE_SECONDS)
            if not ready:
                return
            for key, _ in ready:
                data, sender = key.fileobj.recvfrom(65535)
                if data == b"end":
                    selector.unregister(key.fileobj)
                else:
                    key.fileobj.sendto(data, sender)


main()
