"""A TLS client based on Python's ssl.

    tls_client.py REPORT_PORT PORT AUTHORITY VERSION MODE [PROTOCOL...]

Connects to PORT on localhost with TLS VERSION (1.2 or 1.3), trusting the certificate in the file AUTHORITY. Over a
connection to REPORT_PORT, it reports what was negotiated, then how the connection ended. MODE selects what it does:

    lines    sends lines and expects their echoes, closes cleanly, and expects the server to do the same
    cut      sends a line, reads a byte, and closes TCP without close_notify
    eof      sends a line, then reads until the server ends the stream
    starttls like lines, but first asks for TLS in plain text, and starts it at once
"""

import socket
import ssl
import sys

LIFE_SECONDS = 60


def main() -> None:
    report_port, port, authority, version, mode, *protocols = sys.argv[1:]
    context = ssl.create_default_context(cafile=authority)
    context.minimum_version = context.maximum_version = (
        ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3
    )
    if protocols:
        context.set_alpn_protocols(protocols)
    with socket.create_connection(("127.0.0.1", int(report_port))) as report:
        plain = socket.create_connection(("127.0.0.1", int(port)), timeout=LIFE_SECONDS)
        if mode == "starttls":
            plain.sendall(b"STARTTLS\n")
        try:
            talk(context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False), report, mode)
        except (ssl.SSLError, OSError) as error:
            tell(report, f"failed {error}")


def talk(connection: ssl.SSLSocket, report: socket.socket, mode: str) -> None:
    subject = dict(pair for part in connection.getpeercert()["subject"] for pair in part)
    tell(report, f"{connection.version()} {connection.selected_alpn_protocol()} {subject['commonName']}")
    if mode in ("cut", "eof"):
        connection.sendall(b"one line\n")
        if mode == "eof":
            rest = b"".join(iter(lambda: connection.recv(65536), b""))
            tell(report, f"the end after {rest!r}")
        else:
            # With unread data, the close would be a reset.
            connection.recv(1)
        connection.close()
        return
    for number in range(100):
        line = b"line %d\n" % number
        connection.sendall(line)
        echo = b""
        while len(echo) < len(line):
            echo += connection.recv(65536)
        if echo != line:
            tell(report, f"got {echo!r}")
            return
    connection.unwrap().close()
    tell(report, "a good end")


def tell(report: socket.socket, what: object) -> None:
    report.sendall(f"{what}\n".encode())


main()
