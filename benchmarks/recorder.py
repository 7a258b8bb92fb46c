"""A TCP relay between two daemons that keeps every byte: what an eavesdropper on their path would hold.

It passes bytes on unchanged and knows nothing of what they mean; benchmarks/ciphertext.py judges them. What it holds is
bounded: a connection that carries more than `limit` bytes is cut.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import attrs

PIECE = 1 << 16
LIMIT = 1 << 28


@attrs.define(slots=True)
class Record:
    """The bytes of one connection, as they passed; `up` from who dialled, `down` from who was dialled."""

    up: bytearray = attrs.field(factory=bytearray, repr=False)
    down: bytearray = attrs.field(factory=bytearray, repr=False)


class Recorder:
    """Listens on a loopback port and relays to `target`. Each direction of each connection has a thread of its own."""

    def __init__(self, target: int, *, limit: int = LIMIT) -> None:
        self._target = target
        self._limit = limit
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed = False
        self._sockets: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])
        self.records: list[Record] = []

    def serve(self) -> None:
        """Relay what comes, until `close`."""
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                record = Record()
                self.records.append(record)
                self._sockets += (near, far)
                if self._closed:  # meanwhile, by another thread, which did not know of these two
                    self._cut()
                for source, sink, kept in ((near, far, record.up), (far, near, record.down)):
                    source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=self._carry, args=(source, sink, kept), daemon=True).start()

    def close(self) -> None:
        """Cut everything."""
        self._closed = True
        self._cut()

    def _cut(self) -> None:
        for raw in (self._listener, *self._sockets):
            with suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)
            raw.close()

    def _carry(self, source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
        with suppress(OSError):
            while data := source.recv(PIECE):
                kept += data  # before it goes on: who has seen the last byte finds it recorded
                if len(kept) > self._limit:
                    break
                sink.sendall(data)
        for raw in (source, sink):
            with suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)


@contextmanager
def recording(target: int) -> Iterator[Recorder]:
    """A running recorder in front of the loopback port `target`."""
    recorder = Recorder(target)
    thread = threading.Thread(target=recorder.serve, daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        recorder.close()
        thread.join(timeout=10)
