"""Runs headless Chromium, to be driven by its DevTools protocol: headless_chromium.py CHROMIUM PROFILE SECONDS

PROFILE is a new folder; the browser writes the protocol's port and path to the file DevToolsActivePort in it. Ends with
the browser, after SECONDS, or with the process that started it, and removes the folder.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1

# The pages are our own, and the sandbox needs rights that containers lack. The rest keeps the browser from calling home.
FLAGS = """--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --disable-extensions
    --no-first-run --disable-background-networking --disable-component-update --disable-default-apps
    --disable-sync""".split()
# Every tab runs as if it were looked at.
DRIVEN = """--remote-debugging-port=0 --remote-allow-origins=* --disable-background-timer-throttling
    --disable-backgrounding-occluded-windows --disable-renderer-backgrounding about:blank""".split()


def launch(chromium, profile, log, arguments):
    return subprocess.Popen(
        [chromium, *FLAGS, f"--user-data-dir={profile}", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        preexec_fn=end_with_parent if sys.platform == "linux" else None,
    )


def end_with_parent():
    """Has Linux end the browser if this process is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def end(browser):
    browser.terminate()
    try:
        browser.wait(5)
    except subprocess.TimeoutExpired:
        browser.kill()
        browser.wait()


def main():
    chromium, profile, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    parent, deadline = os.getppid(), time.monotonic() + seconds
    os.makedirs(profile)
    browser = launch(chromium, profile, subprocess.DEVNULL, DRIVEN)
    while browser.poll() is None and os.getppid() == parent and time.monotonic() < deadline:
        time.sleep(0.1)
    end(browser)
    shutil.rmtree(profile, ignore_errors=True)


if __name__ == "__main__":
    main()
