"""Runs a command that talks through its standard input and output, such as `openssl s_client`, for a script.

    command.py REPORT_PORT INPUT COMMAND...

Feeds it INPUT and a line feed, keeps its input open until it exits, and forwards its output line by line over a connection
to REPORT_PORT; the last line is `exit code N`.
"""

import ctypes
import signal
import socket
import subprocess
import sys
import threading

LIFE_SECONDS = 60
PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Has Linux kill the command when this process is killed, as happens at the end of a test."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    report_port, text, *command = sys.argv[1:]
    with socket.create_connection(("127.0.0.1", int(report_port))) as report:
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent if sys.platform == "linux" else None,
        ) as process:
            timer = threading.Timer(LIFE_SECONDS, process.kill)
            timer.start()
            process.stdin.write(text.encode() + b"\n")
            process.stdin.flush()
            try:
                for line in process.stdout:
                    report.sendall(line)
            except OSError:
                process.kill()
            code = process.wait()
            timer.cancel()
            report.sendall(f"exit code {code}\n".encode())


main()
