"""A stranger: an authenticated peer that then says what no honest one would, through the wire's own session."""

import os
import socket
import threading
from contextlib import suppress

from beam_actors.identity import PeerKey
from beam_actors.values import Multiaddr
from beam_actors.wire import Established, Role, Session

CHUNK = 1 << 16


class Stranger:
    """A session with the daemon at `address`, under a key that nobody has seen before."""

    def __init__(self, address: str) -> None:
        where = Multiaddr.parse(address)
        if where.tcp is None:
            raise ValueError(f"{address} is no TCP address")
        self._socket = socket.create_connection((where.tcp.ip, where.tcp.port), timeout=30)
        self._session = Session(
            Role.INITIATOR,
            key=PeerKey.from_seed(os.urandom(32)),
            static_seed=os.urandom(32),
            ephemeral_seed=os.urandom(32),
            expected=where.peer,
            protocols=lambda _: False,
        )
        while not any(isinstance(event, Established) for event in self._hear()):
            pass
        self.next_stream = 3  # the session's own identify took the first
        threading.Thread(target=self._drop, daemon=True).start()

    def say(self, frames: bytes, *, flush: int = 1 << 18) -> bool:
        """Send frames as they are, `flush` bytes sealed at a time; False once the daemon has cut the session."""
        for start in range(0, len(frames), CHUNK):
            self._session._mux.outbox.plaintext(frames[start : start + CHUNK])  # noqa: SLF001 (past what it allows)
            try:
                self._flush(flush)
            except OSError:
                return False
        return True

    def close(self) -> None:
        """Leave without a word."""
        self._socket.close()

    def _flush(self, limit: int = 1 << 18) -> None:
        parts = []
        while data := self._session.data_to_send(limit):
            parts.append(data)
        self._socket.sendall(b"".join(parts))

    def _hear(self) -> list[object]:
        self._flush()
        data = self._socket.recv(CHUNK)
        if not data:
            raise ConnectionError("the daemon closed the connection")
        events: list[object] = list(self._session.receive(bytearray(data)))
        self._flush()
        return events

    def _drop(self) -> None:
        """Read what the daemon says, so that it is not what holds the daemon up."""
        with suppress(OSError):
            while self._socket.recv(CHUNK):
                pass
