"""Sends a datagram to a multicast group over the loopback interface: udp_multicast.py GROUP PORT TEXT"""

import socket
import sys


def main() -> None:
    group, port, text = sys.argv[1:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        udp.sendto(text.encode(), (group, int(port)))


main()
