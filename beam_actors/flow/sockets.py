"""Links straight above the driver: a stream socket, a listener, a datagram socket."""

from collections.abc import Callable, Sequence

import structlog

from beam_actors.errors import NetworkError, ResourceExhausted
from beam_actors.flow.link import WRITE, Link, Owned
from beam_actors.flow.owner import Owner
from beam_actors.flow.pump import Pump
from beam_actors.ports import Buffer, DatagramSocket, Endpoint, Listener, PeerCredentials
from beam_actors.values import Address

_TELL_SECONDS = 60.0
_log = structlog.get_logger(__name__)


class SocketLink(Link):
    """A TCP or Unix connection."""

    __slots__ = ("_blocked", "_endpoint", "_wanted")

    def __init__(self, pump: Pump, endpoint: Endpoint, owner: Owner | None) -> None:
        self._endpoint = endpoint
        self._blocked = False
        self._wanted = False
        super().__init__(pump, owner)
        pump.watch(endpoint, self)

    @property
    def local(self) -> Address | None:
        """See `Link`."""
        return self._endpoint.local

    @property
    def remote(self) -> Address | None:
        """See `Link`."""
        return self._endpoint.remote

    @property
    def credentials(self) -> PeerCredentials | None:
        """See `Link`."""
        return self._endpoint.credentials

    def connected(self) -> bool:
        """See `Link`."""
        super().connected()
        try:
            return self._endpoint.connected()
        except NetworkError as error:
            self.abort(error)
            raise

    def want(self, *, read: bool, write: bool) -> None:
        """See `Link`."""
        if self.is_open:
            self._wanted = read or write
            self._endpoint.want(read=read, write=write)

    def recv_into(self, buffer: memoryview) -> int | None:
        """See `Link`."""
        if self.error is not None:
            raise self.error
        try:
            size = self._endpoint.recv_into(buffer)
        except NetworkError as error:
            self.abort(error)
            raise
        if size:
            self.pump.moved(size)
        return size

    def send(self, data: Buffer) -> int:
        """See `Link`."""
        if self.error is not None:
            raise self.error
        try:
            size = self._endpoint.send(data)
        except NetworkError as error:
            self.abort(error)
            raise
        if size < len(data):
            self._blocked = True
        return size

    def sendv(self, parts: Sequence[Buffer]) -> int:
        """See `Link`."""
        if self.error is not None:
            raise self.error
        try:
            size = self._endpoint.sendv(parts)
        except NetworkError as error:
            self.abort(error)
            raise
        if size < sum(map(len, parts)):
            self._blocked = True
        return size

    def room(self) -> int:
        """See `Link`."""
        return 0 if self._blocked else self.pump.limits.splice_read_size

    def shutdown(self) -> None:
        """See `Link`."""
        self._require_open()
        self._endpoint.shutdown()

    def abort(self, error: NetworkError | None = None) -> None:
        """See `Link`."""
        if self._end(error):
            self.pump.unwatch(self._endpoint)
            self._endpoint.abort()
            self._tell_ended()

    def close(self) -> None:
        """See `Link`."""
        if self._end(None):
            self.pump.unwatch(self._endpoint)
            self._endpoint.close()
            self._tell_ended()

    def ready(self, bits: int) -> None:
        """What the driver reports."""
        if not self._wanted:
            # Only a break is reported unasked. Nothing may be wanted for long (a splice whose sink is stalled), so ask.
            try:
                self._endpoint.connected()
            except NetworkError as error:
                self.abort(error)
                return
        if bits & WRITE:
            self._blocked = False
        if self.handler is not None:
            self.handler(bits)

    def __repr__(self) -> str:
        return f"<SocketLink {self.local} -> {self.remote} {'open' if self.is_open else 'ended'}>"


class ListenerLink(Owned):
    """A listening socket, which accepts whenever it may and rests a moment when descriptors run out."""

    __slots__ = ("_listener", "_on_accept", "_told_at", "accepted", "pauses")

    def __init__(
        self, pump: Pump, listener: Listener, on_accept: Callable[[SocketLink], None], owner: Owner | None
    ) -> None:
        self._listener = listener
        self._on_accept = on_accept
        self.accepted = 0
        self.pauses = 0
        self._told_at = -_TELL_SECONDS
        super().__init__(pump, owner)
        pump.watch(listener, self)
        listener.want(read=True, write=False)

    @property
    def local(self) -> Address:
        """The bound address, with the real port."""
        return self._listener.local

    def ready(self, _bits: int) -> None:
        """What the driver reports."""
        for _ in range(self.pump.limits.accept_batch):
            try:
                endpoint = self._listener.accept()
            except ResourceExhausted as error:
                # Level-triggered readiness would come back at once and keep the pump busy with nothing.
                self.pauses += 1
                self._tell(error)
                self._listener.want(read=False, write=False)
                self.pump.call_later(self.pump.limits.accept_pause, self._resume, self)
                return
            if endpoint is None:
                return
            self.accepted += 1
            self._on_accept(SocketLink(self.pump, endpoint, self.owner))
            if not self.is_open:
                return

    def abort(self, error: NetworkError | None = None) -> None:  # noqa: ARG002  # a listener has nobody to tell
        """See `Owned`."""
        if self.is_open:
            self.is_open = False
            self.pump.unregister(self)
            self.pump.unwatch(self._listener)
            self._listener.close()

    close = abort

    def _tell(self, error: ResourceExhausted) -> None:
        now = self.pump.clock.monotonic()
        if now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            _log.warning("connections have to wait", at=str(self.local), reason=str(error), pauses=self.pauses)

    def _resume(self) -> None:
        if self.is_open:
            self._listener.want(read=True, write=False)

    def __repr__(self) -> str:
        return f"<ListenerLink {self.local} accepted={self.accepted} {'open' if self.is_open else 'closed'}>"


class DatagramLink(Owned):
    """A UDP socket; whoever uses it is told when datagrams wait, and reads or answers some of them."""

    __slots__ = ("_on_waiting", "socket")

    def __init__(
        self,
        pump: Pump,
        socket: DatagramSocket,
        on_waiting: Callable[[DatagramSocket], None],
        owner: Owner | None,
    ) -> None:
        self.socket = socket
        self._on_waiting = on_waiting
        super().__init__(pump, owner)
        pump.watch(socket, self)
        socket.want(read=True, write=False)

    def ready(self, _bits: int) -> None:
        """What the driver reports."""
        self._on_waiting(self.socket)

    def crash(self, error: Exception) -> None:
        """See `Owned`. There is no stream whose end could tell of a network error: whoever bound it must bind anew."""
        owner = self.owner
        self.abort()
        self.owner = None
        if owner is not None:
            owner.crash(error)

    def abort(self, error: NetworkError | None = None) -> None:  # noqa: ARG002  # it has no stream to fail
        """See `Owned`."""
        if self.is_open:
            self.is_open = False
            self.pump.unregister(self)
            self.pump.unwatch(self.socket)
            self.socket.close()

    close = abort

    def __repr__(self) -> str:
        return f"<DatagramLink {self.socket.local} {'open' if self.is_open else 'closed'}>"
