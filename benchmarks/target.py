"""The service behind every tunnel, a process of its own: `python -m benchmarks.target` prints its port and serves.

On one port: `GET /` (kept alive) is answered with a small body, `GET /bulk` with zeros until the reader leaves,
`POST /sink` reads until its sender leaves, and `GET /state` tells how much the sinks took, when, and who is connected.
A load generator asks for the state without a tunnel, so what a tunnel swallowed counts as nothing.
"""

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

END = b"\r\n\r\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
BULK_REQUEST = b"GET /bulk HTTP/1.1\r\nHost: bench\r\n\r\n"
SINK_REQUEST = b"POST /sink HTTP/1.1\r\nHost: bench\r\n\r\n"
BODY = b"x" * 64
SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
BULK_HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
CHUNK = bytes(1 << 18)
_MAX_HEAD = 1 << 16


class Connection:
    """One client; what a readiness means changes once, when it asks for bulk or sends some."""

    def __init__(self, target: "Target", raw: socket.socket) -> None:
        self.raw = raw
        self.ready = self.read_heads
        self._target = target
        self._held = b""

    def read_heads(self) -> None:
        """Answer each complete head of a request; several may have come at once, and the last may be cut."""
        data = self._held + self.raw.recv(_MAX_HEAD)
        if not data or len(data) > _MAX_HEAD:
            raise ConnectionResetError
        if data.startswith(b"GET / ") and data.endswith(END):
            self._held = b""
            self.raw.send(SMALL * data.count(END))
            return
        head, found, rest = data.partition(END)
        self._held = rest if found else data
        if not found:
            return
        if head.startswith(b"GET /state "):
            body = json.dumps({"sunk": self._target.sunk, "at": time.perf_counter(), "open": self._target.open})
            self.raw.send(b"%s\n" % body.encode())
        elif head.startswith(b"GET /bulk "):
            self.ready = self.pour
            self.raw.send(BULK_HEAD)
            self._target.watch(self, select.EPOLLOUT)
        elif head.startswith(b"POST /sink "):
            self._target.sunk += len(rest)
            self.ready = self.sink
        else:
            self.raw.send(SMALL)

    def pour(self) -> None:
        """Send more zeros."""
        self.raw.send(CHUNK)

    def sink(self) -> None:
        """Take and count what came."""
        size = self.raw.recv_into(self._target.buffer)
        if not size:
            raise ConnectionResetError
        self._target.sunk += size


class Target:
    """The server: one loop over all connections (epoll: Linux)."""

    def __init__(self) -> None:
        self.buffer = bytearray(1 << 20)
        self.sunk = 0
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])

    @property
    def open(self) -> int:
        """Open connections."""
        return len(self._connections)

    def watch(self, connection: Connection, events: int) -> None:
        """Wait for this readiness of the connection from now on."""
        self._epoll.modify(connection.raw, events)

    def serve(self) -> None:
        """Serve for ever."""
        self._epoll.register(self._listener, select.EPOLLIN)
        connections, poll = self._connections, self._epoll.poll
        while True:
            for number, _events in poll():
                connection = connections.get(number)
                if connection is None:
                    self._accept()
                    continue
                try:
                    connection.ready()
                except BlockingIOError:
                    continue
                except OSError:
                    self._epoll.unregister(number)
                    del connections[number]
                    connection.raw.close()

    def _accept(self) -> None:
        try:
            raw, _ = self._listener.accept()
        except OSError:  # gone before it was accepted
            return
        raw.setblocking(False)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._epoll.register(raw, select.EPOLLIN)
        self._connections[raw.fileno()] = Connection(self, raw)


@contextmanager
def serving() -> Iterator[int]:
    """A server process; yields its port."""
    with subprocess.Popen([sys.executable, "-m", "benchmarks.target"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    target = Target()
    print(target.port, flush=True)
    target.serve()
