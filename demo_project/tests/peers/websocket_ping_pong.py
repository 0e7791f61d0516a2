"""Sends a text and waits for its echo, repeatedly.

    websocket_ping_pong.py PORT ROUNDS
"""

import sys

from websocket_client import TEXT, Client

client = Client(int(sys.argv[1]))
for number in range(int(sys.argv[2])):
    client.send(TEXT, str(number).encode())
    assert client.receive() == (TEXT, str(number).encode())
