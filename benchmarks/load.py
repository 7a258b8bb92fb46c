"""Load generators and the servers that they talk to, each a process of its own: `python -m benchmarks.load ROLE …`.

`serve` answers, on one port, HTTP `GET /` with a small body (kept alive) and `GET /bulk/N` with N bytes of zeros.
The clients print one JSON line.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

BODY = b"x" * 64
SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
CHUNK = bytes(1 << 18)


def serve() -> None:
    """Serve for ever on a free port, which is printed first."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    left: dict[socket.socket, int] = {}
    while True:
        for key, _events in selector.select():
            connection = key.fileobj
            if connection is listener:
                accepted, _ = listener.accept()
                accepted.setblocking(False)
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(accepted, selectors.EVENT_READ)
                continue
            assert isinstance(connection, socket.socket)
            try:
                _answer(connection, selector, left)
            except OSError:
                selector.unregister(connection)
                connection.close()
                left.pop(connection, None)


def _answer(connection: socket.socket, selector: selectors.BaseSelector, left: dict[socket.socket, int]) -> None:
    if connection in left:
        left[connection] -= connection.send(CHUNK[: min(len(CHUNK), left[connection])])
        if not left[connection]:
            del left[connection]
            selector.modify(connection, selectors.EVENT_READ)
        return
    data = connection.recv(1 << 16)
    if not data:
        raise ConnectionResetError
    if data.startswith(b"GET /bulk/"):
        size = int(data[10:].split(b" ", 1)[0])
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        left[connection] = size
        selector.modify(connection, selectors.EVENT_WRITE)
    else:
        connection.send(SMALL * data.count(b"\r\n\r\n"))


def bulk(port: int, size: int, streams: int = 1) -> dict[str, Any]:
    """Download `size` bytes over each of `streams` connections: MB/s in all."""
    selector = selectors.DefaultSelector()
    buffer = bytearray(1 << 20)
    start = time.perf_counter()
    missing = 0
    for _ in range(streams):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(b"GET /bulk/%d HTTP/1.1\r\nHost: bench\r\n\r\n" % size)
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ)
        missing += size
    while missing > 0:
        for key, _events in selector.select(timeout=30):
            got = key.fileobj.recv_into(buffer)  # type: ignore[union-attr]
            if not got:
                raise ConnectionError("the stream ended early")
            missing -= got
    seconds = time.perf_counter() - start
    return {"mb_per_s": size * streams / 1e6 / seconds}


def requests(port: int, count: int, connections: int = 1) -> dict[str, Any]:
    """Send `count` small requests over kept-alive connections: rate, and each latency's median and p99 in µs."""
    selector = selectors.DefaultSelector()
    started: dict[socket.socket, float] = {}
    latencies: list[float] = []
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
        started[connection] = 0.0
    begin = time.perf_counter()
    for connection in started:
        started[connection] = time.perf_counter()
        connection.sendall(REQUEST)
    while len(latencies) < count:
        for key, _events in selector.select(timeout=30):
            connection = key.fileobj  # type: ignore[assignment]
            if len(connection.recv(4096)) < len(SMALL):
                raise ConnectionError("a short answer")
            now = time.perf_counter()
            latencies.append(now - started[connection])
            started[connection] = now
            connection.sendall(REQUEST)
    seconds = time.perf_counter() - begin
    latencies.sort()
    return {
        "per_s": count / seconds,
        "p50_us": latencies[len(latencies) // 2] * 1e6,
        "p99_us": latencies[int(len(latencies) * 0.99)] * 1e6,
    }


def connects(port: int, count: int) -> dict[str, Any]:
    """One request on each of `count` new connections, one after another: connections a second."""
    start = time.perf_counter()
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(REQUEST)
            if len(connection.recv(4096)) < len(SMALL):
                raise ConnectionError("a short answer")
    return {"per_s": count / (time.perf_counter() - start)}


ROLES: dict[str, Callable[..., dict[str, Any]]] = {"bulk": bulk, "requests": requests, "connects": connects}


def run(role: str, *arguments: int) -> dict[str, Any]:
    """Run a client in a process of its own and return its figures."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", role, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


@contextmanager
def server() -> Iterator[int]:
    """A server process; yields its port."""
    with subprocess.Popen([sys.executable, "-m", "benchmarks.load", "serve"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        print(json.dumps(ROLES[sys.argv[1]](*map(int, sys.argv[2:]))))
