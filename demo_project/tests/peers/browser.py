"""Runs a JavaScript module in headless Chromium: browser.py CHROMIUM MODULE WEBSOCKET_PORT

Serves a page that calls the module's default function with `ws://127.0.0.1:WEBSOCKET_PORT`, and prints what it returns
as JSON. Exits with 1 if it throws, or if it has not returned in time.
"""

import ctypes
import http.server
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

LIFE_SECONDS = 40
PR_SET_PDEATHSIG = 1

PAGE = """<!doctype html>
<meta charset="utf-8">
<script type="module">
    const report = (path, text) => fetch(path, { method: "POST", body: text });
    try {
        const { default: run } = await import("/module.mjs");
        await report("/result", JSON.stringify(await run("ws://127.0.0.1:%d")));
    } catch (error) {
        await report("/error", String(error.stack ?? error));
    }
</script>
"""

# The page is our own, and the sandbox needs rights that containers lack. The rest keeps the browser from calling home.
FLAGS = """--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --disable-extensions
    --no-first-run --disable-background-networking --disable-component-update --disable-default-apps
    --disable-sync""".split()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, body = self.server.files.get(self.path, (None, b""))
        self.answer(200 if kind else 404, kind or "text/plain", body)

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.answer(200, "text/plain", b"")
        self.server.reports.put((self.path, text))

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def serve(module, port):
    with open(module, "rb") as file:
        script = file.read()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files = {"/": ("text/html", (PAGE % port).encode()), "/module.mjs": ("text/javascript", script)}
    server.reports = queue.Queue()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def end_with_parent():
    """Has Linux end the browser if this process is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def main():
    chromium, module, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    server = serve(module, port)
    profile = tempfile.mkdtemp(prefix="async_sockets_browser_")
    with open(os.path.join(profile, "log.txt"), "w+", encoding="utf-8", errors="replace") as log:
        browser = subprocess.Popen(
            [chromium, *FLAGS, f"--user-data-dir={profile}", f"http://127.0.0.1:{server.server_port}/"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent if sys.platform == "linux" else None,
        )
        try:
            path, text = server.reports.get(timeout=LIFE_SECONDS)
        except queue.Empty:
            log.seek(0)
            path, text = "/error", f"The page reports nothing. What the browser says:\n{log.read()}"
        browser.terminate()
        try:
            browser.wait(5)
        except subprocess.TimeoutExpired:
            browser.kill()
            browser.wait()
    shutil.rmtree(profile, ignore_errors=True)
    print(text)
    sys.exit(path != "/result")


main()
