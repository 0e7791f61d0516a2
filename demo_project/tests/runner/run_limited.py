"""Runs a command with a time limit and writes what it printed, then `exit code N`, into a file.

    run_limited.py SECONDS REPORT COMMAND...

The report appears in one step when the command is over. The exit code is 124 when the time was over before.
"""

import os
import subprocess
import sys


def main() -> None:
    seconds, report, command = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
    part = report + ".part"
    with open(part, "wb") as output:
        try:
            code = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, timeout=seconds
            ).returncode
        except subprocess.TimeoutExpired:
            code = 124
        except OSError as error:
            output.write(f"{error}\n".encode())
            code = -1
        output.write(f"\nexit code {code}\n".encode())
    os.replace(part, report)


main()
