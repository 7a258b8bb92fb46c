"""A TCP proxy between two daemons that looks for a byte pattern in what passes: no plaintext may ever match."""

import socket
import threading
from contextlib import suppress

CHUNK = 1 << 18


class Recorder:
    """Forwards loopback connections to `target`, counts the bytes and searches them for `needle` in both directions."""

    def __init__(self, target: int, needle: bytes) -> None:
        self.bytes = 0
        self.found = 0
        self._needle = needle
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        tail = b""
        with suppress(OSError):
            while data := source.recv(CHUNK):
                self.bytes += len(data)
                window = tail + data
                self.found += window.count(self._needle)
                tail = window[-(len(self._needle) - 1) :]
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
