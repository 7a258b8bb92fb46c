"""TLS as a link: a sans-IO engine between the link below and whoever reads plaintext above.

The invariants: the engine is fed only while the plaintext before it was taken, so a slow reader stops the network; an
end of the network without close-notify is a cut, never a clean end; the handshake has a deadline.
"""

import contextlib
from collections.abc import Sequence

from beam_actors.errors import ConnectionLost, NetworkError, RemoteProtocolError
from beam_actors.flow.link import READ, WRITE, Link, StackedLink
from beam_actors.ports import Buffer, PeerCredentials, TlsEngine
from beam_actors.values import Address

_RECORD = 1 << 16
_HIGH_WATER = 1 << 18


class TlsLink(StackedLink):
    """Plaintext above, TLS records below. It takes over the lower link and its owner."""

    __slots__ = ("_engine", "_lower", "_lower_ended", "_out", "_shutdown", "_timer", "_write_ended")

    def __init__(self, lower: Link, engine: TlsEngine, unread: bytes) -> None:
        pump, owner = lower.pump, lower.owner
        self._lower = lower
        self._engine = engine
        self._out = bytearray()
        self._lower_ended = False
        self._write_ended = False
        self._shutdown = False
        super().__init__(pump, owner)
        lower.adopt(None)
        lower.handler = self._on_lower
        self._timer = pump.call_later(pump.limits.handshake_seconds, self._late, self)
        pump.call_soon(lambda: self._begin(unread), self)

    @property
    def engine(self) -> TlsEngine:
        """For what the handshake told: the server name."""
        return self._engine

    @property
    def local(self) -> Address | None:
        """See `Link`."""
        return self._lower.local

    @property
    def remote(self) -> Address | None:
        """See `Link`."""
        return self._lower.remote

    @property
    def credentials(self) -> PeerCredentials | None:
        """See `Link`."""
        return self._lower.credentials

    def connected(self) -> bool:
        """See `Link`."""
        return super().connected() and self._engine.established

    def send(self, data: Buffer) -> int:
        """See `Link`."""
        self._require_open()
        if self._write_ended:
            raise ConnectionLost("Bytes were sent after the end of the stream.")
        view = memoryview(data)[: max(0, self.room())]
        size = 0
        while size < len(view) and (taken := self._write(view[size:])):
            size += taken
        if size:
            self._flush()
        return size

    def sendv(self, parts: Sequence[Buffer]) -> int:
        """See `Link`."""
        total = 0
        for part in parts:
            size = self.send(part)
            total += size
            if size < len(part):
                break
        return total

    def room(self) -> int:
        """See `Link`."""
        if not self.is_open or self._write_ended or not self._engine.established:
            return 0
        return _HIGH_WATER - len(self._out)

    def shutdown(self) -> None:
        """See `Link`."""
        self._require_open()
        if not self._write_ended:
            self._write_ended = True
            self._engine.close_notify()
            self._flush()

    def abort(self, error: NetworkError | None = None) -> None:
        """See `Link`."""
        if self._end(error):
            self._lower.handler = None
            self._lower.abort()
            self._release()
            self._tell_ended()

    def close(self) -> None:
        """See `Link`."""
        if not self.is_open:
            return
        if not self._engine.established:
            self.abort()
            return
        if not self._write_ended:
            self.shutdown()
        if not self._end(None):  # the last flush found the link broken
            return
        self._drop_received()
        self._timer.cancel()
        self._tell_ended()
        if self._out:
            # The last records leave when the network takes them, or the deadline cuts them off.
            self._timer = self.pump.call_later(self.pump.limits.handshake_seconds, self._give_up)
            self._lower.handler = self._drain
            self._lower.want(read=False, write=True)
        else:
            self._give_up()

    # --- the link below ---

    def _begin(self, unread: bytes) -> None:
        if self.is_open:
            if unread:
                self._feed(memoryview(unread))
            self._flush()

    def _on_lower(self, bits: int) -> None:
        try:
            if self._lower.error is not None:
                raise self._lower.error  # noqa: TRY301  # an end that was told, not found by a call
            if bits & READ and not self._received_parts:
                self._read()
            if bits & WRITE or self._out:
                self._flush()
        except NetworkError as error:
            self.abort(error)
        except Exception as error:  # noqa: BLE001  # the link below has no owner; this one answers
            self.crash(error)

    def _read(self) -> None:
        buffer = self.pump.buffer[:_RECORD]
        size = self._lower.recv_into(buffer)
        if size is None:
            return
        if size == 0:
            self._lower_ended = True
        self._feed(buffer[:size])
        self._flush()

    def _feed(self, data: memoryview) -> None:
        engine = self._engine
        try:
            engine.feed(data)
            while not self._ended and (plain := engine.read(_RECORD)) is not None:
                if plain == b"":
                    self._receive_end()
                else:
                    self._receive(memoryview(plain))
        except RemoteProtocolError as error:
            # The alert that says why is still in the engine.
            self._out += engine.take()
            self._fail(error)
            return
        if engine.established:
            self._timer.cancel()
        if self._lower_ended and not self._ended:
            self._fail(RemoteProtocolError("the connection was cut without close-notify"))
            return
        self.pump.budget.hold(self, len(self._out) + self._received_bytes)
        self._arm()

    def _write(self, data: memoryview) -> int:
        try:
            return self._engine.write(data)
        except RemoteProtocolError as error:
            self._fail(error)
            return 0

    def _fail(self, error: RemoteProtocolError) -> None:
        if self._out and self._lower.is_open:
            with contextlib.suppress(NetworkError):  # it was only the reason
                self._lower.send(self._out)
        lost = ConnectionLost(f"TLS failed: {error}")
        if self._end(lost):
            self._lower.handler = None
            self._lower.close()
            self._release()
            self._tell_ended()

    def _flush(self) -> None:
        if not self.is_open:
            return
        try:
            while True:
                if len(self._out) < _HIGH_WATER:
                    self._out += self._engine.take()
                if not self._out:
                    break
                sent = self._lower.send(self._out)
                del self._out[:sent]
                if self._out:
                    break
            if self._write_ended and not self._out and not self._shutdown:
                self._shutdown = True
                self._lower.shutdown()
        except NetworkError as error:
            self.abort(error)
            return
        self.pump.budget.hold(self, len(self._out) + self._received_bytes)
        self._want_lower()
        self._arm()

    def _want_lower(self) -> None:
        read = not self._received_parts and not self._ended and not self._lower_ended
        self._lower.want(read=read, write=bool(self._out))

    def _took(self, size: int) -> None:  # noqa: ARG002  # the hook's signature
        self.pump.budget.hold(self, len(self._out) + self._received_bytes)
        if self.is_open and not self._received_parts:
            self._want_lower()

    # --- the end ---

    def _late(self) -> None:
        self.abort(ConnectionLost("The TLS handshake was not completed in time."))

    def _drain(self, _bits: int) -> None:
        try:
            sent = self._lower.send(self._out)
        except NetworkError:
            self._give_up()
            return
        del self._out[:sent]
        if not self._out:
            self._give_up()

    def _give_up(self) -> None:
        self._timer.cancel()
        self._lower.handler = None
        self._lower.close()
        self._release()

    def _release(self) -> None:
        self._timer.cancel()
        self._drop_received()
        self._out.clear()
        self.pump.budget.hold(self, 0)

    def __repr__(self) -> str:
        return f"<TlsLink over {self._lower!r} {'open' if self.is_open else 'ended'}>"
