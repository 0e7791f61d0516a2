"""An echo server that serves one connection after the other, on a free port.

    echo_server.py REPORT_PORT

Reports its port as a line over a connection to REPORT_PORT. Ends by itself after a minute.
"""

import socket
import sys

LIFE_SECONDS = 60


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LIFE_SECONDS)
        with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as report:
            report.sendall(b"%d\n" % server.getsockname()[1])
        while True:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(LIFE_SECONDS)
                while part := connection.recv(65536):
                    connection.sendall(part)


main()
