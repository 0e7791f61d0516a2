"""Starts a WebSocket server as a process of its own, becomes its client, and sends it signals.

    terminate.py PORT SIGNALS COMMAND...

The server listens on PORT and echoes texts. SIGNALS are names of signals, and seconds to wait, such as `TERM,1.0,INT`.
Prints one line of JSON: the close code that the client got (null for a connection that was cut), the exit code of the
server (negative for the signal that ended it), and what it printed.
"""

import json
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

from websocket_client import CLOSE, TEXT, Client

START_SECONDS = 20.0
END_SECONDS = 20.0


def connect(port, process):
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return Client(port, END_SECONDS)
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, "the server does not start"
            time.sleep(0.05)


def close_code(client):
    """Waits for the end, answers a close frame, and returns its code."""
    try:
        while True:
            opcode, payload = client.receive()
            if opcode == CLOSE:
                client.send(CLOSE, payload)
                return struct.unpack_from("!H", payload)[0]
    except (EOFError, ConnectionError):
        return None


def main():
    port, signals, *command = sys.argv[1:]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            client = connect(int(port), process)
            client.send(TEXT, b"hello")
            assert client.receive() == (TEXT, b"hello")
            codes = []
            reading = threading.Thread(target=lambda: codes.append(close_code(client)))
            reading.start()
            for part in signals.split(","):
                if part[0].isdigit():
                    time.sleep(float(part))
                else:
                    process.send_signal(signal.Signals[f"SIG{part}"])
            reading.join(END_SECONDS)
            exit_code = process.wait(END_SECONDS)
        finally:
            process.kill()
        output.seek(0)
        text = output.read().decode(errors="replace")
    print(json.dumps({"close": codes[0] if codes else "none came", "exit": exit_code, "output": text}))


main()
