"""Sends a text, waits until it comes back, and so on.

    websocket_ping_pong.py PORT ROUNDS
"""

import sys

from websocket_client import TEXT, Client

client = Client(int(sys.argv[1]))
for number in range(int(sys.argv[2])):
    client.send(TEXT, str(number).encode())
    assert client.receive() == (TEXT, str(number).encode())
