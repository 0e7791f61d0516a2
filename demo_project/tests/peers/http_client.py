"""Uses a WebSocketServer by Python's http.client: http_client.py PORT

The server serves a folder at "/" and answers "/echo" (see test_http_clients.gd). Prints a line for each feature that
works; exits with 1 at the first that does not.
"""

import http.client
import json
import sys

PORT = int(sys.argv[1])


def ask(connection, method, path, body=None, **headers):
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    return response, response.read()


def keep_alive(connection):
    response, body = ask(connection, "GET", "/")
    socket = connection.sock
    assert (response.status, body) == (200, b"<p>home</p>"), (response.status, body)
    for _ in range(20):
        assert ask(connection, "GET", "/")[1] == b"<p>home</p>"
    assert connection.sock is socket, "another connection"


def head(connection):
    response, body = ask(connection, "HEAD", "/")
    assert (response.getheader("Content-Length"), body) == ("11", b"")


def conditions(connection):
    response, _ = ask(connection, "GET", "/")
    tag, date = response.getheader("ETag"), response.getheader("Last-Modified")
    assert ask(connection, "GET", "/", If_None_Match=tag)[0].status == 304
    assert ask(connection, "GET", "/", If_Modified_Since=date)[0].status == 304
    assert ask(connection, "GET", "/", If_None_Match='"x"')[0].status == 200


def ranges(connection):
    response, body = ask(connection, "GET", "/", Range="bytes=3-6")
    assert (response.status, body, response.getheader("Content-Range")) == (206, b"home", "bytes 3-6/11")
    assert ask(connection, "GET", "/", Range="bytes=50-")[0].status == 416


def a_large_file(connection):
    _, body = ask(connection, "GET", "/large.bin")
    assert len(body) == 3_000_000 and body == bytes(n % 251 for n in range(251)) * 11952 + bytes(range(48))


def a_body_with_its_length(connection):
    _, body = ask(connection, "POST", "/echo?a=b%20c", b"x" * 100_000, Content_Type="text/plain")
    assert json.loads(body) == {"method": "POST", "query": {"a": "b c"}, "size": 100_000}, body


def a_body_in_chunks(connection):
    def blocks():
        for _ in range(10):
            yield b"y" * 1000

    connection.request("PUT", "/echo", blocks(), encode_chunked=True)
    body = connection.getresponse().read()
    assert json.loads(body)["size"] == 10_000, body


def errors(connection):
    for method, path, status in [("GET", "/nothing", 404), ("GET", "/%2e%2e/x", 400), ("GET", "/.hidden", 404)]:
        assert ask(connection, method, path)[0].status == status, path
    assert ask(connection, "POST", "/echo", b"x" * 2_000_000)[0].status == 413


def http_1_0(connection):
    connection._http_vsn, connection._http_vsn_str = 10, "HTTP/1.0"
    response, body = ask(connection, "GET", "/")
    assert (response.status, body) == (200, b"<p>home</p>")


def main():
    for feature in [
        keep_alive,
        head,
        conditions,
        ranges,
        a_large_file,
        a_body_with_its_length,
        a_body_in_chunks,
        errors,
        http_1_0,
    ]:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
        feature(connection)
        connection.close()
        print(f"{feature.__name__} works", flush=True)


main()
