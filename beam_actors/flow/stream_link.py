"""One stream of a session, as a link.

The invariant: the peer's window is given back only for bytes that found their place, so what is held here is bounded by
the window, and a reader that stalls stops its own sender and nobody else.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from beam_actors.errors import ConnectionLost, NetworkError
from beam_actors.flow.link import StackedLink
from beam_actors.flow.owner import Owner
from beam_actors.ports import Buffer, PeerCredentials
from beam_actors.values import Address
from beam_actors.wire import StreamId

if TYPE_CHECKING:
    from beam_actors.flow.session_link import SessionLink


class StreamLink(StackedLink):
    """Made by `SessionLink` alone."""

    __slots__ = ("_carrier", "_write_ended", "id", "protocol")

    waits_outside: ClassVar[bool] = False
    """A window's worth comes whether it is read or not, and would wait here."""

    def __init__(self, carrier: "SessionLink", stream: StreamId, protocol: str, owner: Owner | None) -> None:
        self._carrier = carrier
        self._write_ended = False
        self.id = stream
        self.protocol = protocol
        super().__init__(carrier.pump, owner)

    @property
    def local(self) -> Address | None:
        """See `Link`."""
        return self._carrier.lower.local

    @property
    def remote(self) -> Address | None:
        """See `Link`."""
        return self._carrier.lower.remote

    @property
    def credentials(self) -> PeerCredentials | None:
        """See `Link`."""
        return None

    def send(self, data: Buffer) -> int:
        """See `Link`."""
        self._require_writable()
        size = self._carrier.session.send(self.id, data)
        if size:
            self._carrier.flush_soon()
        return size

    def sendv(self, parts: Sequence[Buffer]) -> int:
        """See `Link`."""
        self._require_writable()
        total = 0
        for part in parts:
            size = self._carrier.session.send(self.id, part)
            total += size
            if size < len(part):
                break
        if total:
            self._carrier.flush_soon()
        return total

    def room(self) -> int:
        """See `Link`."""
        return self._carrier.session.room(self.id) if self.is_open and not self._write_ended else 0

    def shutdown(self) -> None:
        """See `Link`."""
        self._require_open()
        if not self._write_ended:
            self._write_ended = True
            self._carrier.session.finish(self.id)
            self._carrier.flush_soon()

    def abort(self, error: NetworkError | None = None) -> None:
        """See `Link`."""
        if self._end(error):
            self._carrier.session.reset(self.id)
            self._carrier.flush_soon()
            self._release()
            self._tell_ended()

    def close(self) -> None:
        """See `Link`."""
        if not self.is_open:
            return
        if self._received_parts:  # as TCP does: the other end must not believe that its bytes were taken
            self.abort()
            return
        self._end(None)
        if not self._write_ended:
            self._carrier.session.finish(self.id)
        self._carrier.flush_soon()
        self._release()
        self._tell_ended()

    # --- from the session ---

    def on_data(self, data: memoryview) -> None:
        """Bytes arrived; borrowed until this returns."""
        taken = self._receive(data)
        if taken:
            self._carrier.session.consumed(self.id, taken)
            self._carrier.flush_if_any()
        if self.is_open:
            self._carrier.budget.hold(self, self._received_bytes)

    def on_end(self) -> None:
        """The peer sends no more."""
        self._receive_end()

    def on_writable(self) -> None:
        """The session takes bytes again."""
        self._arm()

    def on_gone(self, error: NetworkError) -> None:
        """The session has forgotten it already."""
        if self._end(error):
            self._release()
            self._tell_ended()

    def _took(self, size: int) -> None:
        self._carrier.session.consumed(self.id, size)
        self._carrier.budget.hold(self, self._received_bytes)
        self._carrier.flush_if_any()

    def _release(self) -> None:
        self._drop_received()
        self._carrier.budget.hold(self, 0)
        self._carrier.forget(self)

    def _require_writable(self) -> None:
        if self.error is not None:
            raise self.error
        if self._write_ended:
            raise ConnectionLost("Bytes were sent after the end of the stream.")

    def __repr__(self) -> str:
        return f"<StreamLink {self.id} {self.protocol} of {self._carrier!r} {'open' if self.is_open else 'ended'}>"
