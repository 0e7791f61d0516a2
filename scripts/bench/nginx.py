"""Runs nginx with one worker that serves a small file: nginx.py LIFETIME

Prints a line of JSON with its port, and ends with it after LIFETIME seconds at the latest.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

SIZE = 1024

CONFIGURATION = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=16 inactive=60s;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    types {{ text/html html; }}
    server {{ listen 127.0.0.1:{port} backlog=1024; root {folder}; }}
}}
"""


def program() -> str | None:
    """Where nginx is; it is often no part of a user's path."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "page.html").write_text("x" * SIZE)
    (folder / "nginx.conf").write_text(CONFIGURATION.format(port=port, folder=folder))
    server = os.getpid()
    if os.fork() == 0:
        _watch(server, port, folder, time.monotonic() + float(sys.argv[1]))
    else:
        # This process becomes nginx, so that its processor time can be measured.
        os.execv(program(), [program(), "-p", str(folder), "-c", "nginx.conf"])


def _watch(server: int, port: int, folder: Path, deadline: float) -> None:
    """Tells when nginx listens, and cleans up behind it."""
    is_ready = False
    while os.getppid() == server and time.monotonic() < deadline:
        if not is_ready:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                print(json.dumps({"event": "listening", "port": port}), flush=True)
                is_ready = True
        time.sleep(0.02)
    if os.getppid() == server:
        os.kill(server, signal.SIGKILL)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
