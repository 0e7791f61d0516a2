"""Runs a command with a time limit, and writes its output followed by `exit code N` to a file.

    run_limited.py SECONDS REPORT COMMAND...

The report appears in one step when the command has ended. The exit code is 124 if it was killed by the time limit.
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
