"""A TLS server based on Python's ssl, for one client.

    tls_server.py REPORT_PORT CERTIFICATE KEY MODE [PROTOCOL...]

Over a connection to REPORT_PORT, it reports its port, then what was negotiated, then how many bytes it received and how
the connection ended. MODE selects what it does:

    echo     echoes everything; after the client's close_notify it says goodbye and closes cleanly
    cut      sends a line and closes TCP without close_notify
    starttls like echo, but after an exchange in plain text
"""

import socket
import ssl
import sys

LIFE_SECONDS = 60


def main() -> None:
    report_port, certificate, key, mode, *protocols = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if protocols:
        context.set_alpn_protocols(protocols)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LIFE_SECONDS)
        with socket.create_connection(("127.0.0.1", int(report_port))) as report:
            tell(report, server.getsockname()[1])
            plain, _ = server.accept()
            plain.settimeout(LIFE_SECONDS)
            if mode == "starttls":
                line = plain.recv(100)
                plain.sendall(b"go ahead\n" if line == b"STARTTLS\n" else b"what?\n")
            try:
                serve(context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=False), report, mode)
            except (ssl.SSLError, OSError) as error:
                tell(report, f"failed {error}")


def serve(connection: ssl.SSLSocket, report: socket.socket, mode: str) -> None:
    tell(report, f"{connection.version()} {connection.selected_alpn_protocol()}")
    if mode == "cut":
        connection.sendall(b"cut after this\n")
        connection.close()
        return
    count = 0
    while part := connection.recv(65536):
        count += len(part)
        connection.sendall(part)
    connection.sendall(b"goodbye\n")
    connection.unwrap().close()
    tell(report, f"{count} bytes, a good end")


def tell(report: socket.socket, what: object) -> None:
    report.sendall(f"{what}\n".encode())


main()
