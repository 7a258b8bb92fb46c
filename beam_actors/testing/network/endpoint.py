"""Connections of the virtual network: what a kernel would do with each packet, reduced to what a program can see.

The invariant: a reset, a clean end, a refusal and a silence stay four different things to both ends, in the order in
which the packets arrive, and readiness says what the next call would. It knows no route and draws nothing at random.
What the kernel's keep-alive would find out is not modelled: a connection on which nobody speaks never breaks.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from beam_actors.errors import ConnectionLost, ConnectionRefused, NetworkError, Unreachable
from beam_actors.ports import Buffer, PeerCredentials
from beam_actors.testing.network.lane import Deliver, Lane
from beam_actors.testing.network.pollable import READ, WRITE, VirtualPollable
from beam_actors.values import Address, TcpAddress, UnixAddress

if TYPE_CHECKING:
    from beam_actors.testing.network.driver import VirtualDriver
    from beam_actors.testing.network.host import VirtualHost
    from beam_actors.testing.network.listener import VirtualListener
    from beam_actors.testing.network.nat import Binding


class VirtualEndpoint(VirtualPollable):
    """One end of a connection. `peer` is the other one, once there is one."""

    __slots__ = (
        "_credentials",
        "_error",
        "_freed",
        "_lane",
        "_listener",
        "_local",
        "_peer_ended",
        "_remote",
        "_room",
        "_told",
        "_unread",
        "_where",
        "_write_ended",
        "bindings",
        "host",
        "is_dialling",
        "peer",
    )

    def __init__(self, driver: "VirtualDriver", local: Address | None, remote: Address | None) -> None:
        super().__init__(driver)
        self.host: VirtualHost = driver.host
        self.peer: VirtualEndpoint | None = None
        self.bindings: tuple[Binding, ...] = ()
        """What the boxes of its own side know of it."""
        self.is_dialling = True
        """Whether TCP's three packets are under way."""
        self._local = local
        self._remote = remote
        self._where = driver.host.where
        self._listener: VirtualListener | None = None
        self._lane: Lane | None = None  # None: the other end is on this machine
        self._credentials: PeerCredentials | None = None
        self._error: NetworkError | None = None
        self._told = False
        self._unread = bytearray()
        self._freed = 0
        self._peer_ended = False
        self._write_ended = False
        self._room = driver.host.network.fabric.buffer

    # --- the port ---

    @property
    def local(self) -> Address | None:
        """See `ports.Endpoint`."""
        return self._local

    @property
    def remote(self) -> Address | None:
        """See `ports.Endpoint`."""
        return self._remote

    @property
    def credentials(self) -> PeerCredentials | None:
        """See `ports.Endpoint`."""
        return self._credentials

    def connected(self) -> bool:
        """See `ports.Endpoint`."""
        if self._error is not None:
            raise self._error
        self._require_open()
        return not self.is_dialling

    def recv_into(self, buffer: memoryview) -> int | None:
        """See `ports.Endpoint`."""
        self._require_usable()
        size = min(len(buffer), len(self._unread))
        if size:
            buffer[:size] = self._unread[:size]
            del self._unread[:size]
            self._free(size)
            self.driver.update(self)
            return size
        return 0 if self._peer_ended else None

    def send(self, data: Buffer) -> int:
        """See `ports.Endpoint`."""
        self._require_usable()
        if self._write_ended:
            raise ConnectionLost("Bytes were sent after the end of the stream.")
        size = 0 if self.is_dialling else min(len(data), self._room)
        if size and self.peer is not None:
            payload = bytes(data[:size])
            self._room -= size
            if self._lane is None:
                self.peer.on_data(payload)
            else:
                self.host.network.fabric.show(self.host, self.peer.host, payload)
                self._lane.send_bytes(payload, self.peer.on_data)
        self.driver.update(self)
        return size

    def sendv(self, parts: Sequence[Buffer]) -> int:
        """See `ports.Endpoint`."""
        return self.send(b"".join(parts))

    def shutdown(self) -> None:
        """See `ports.Endpoint`."""
        self._require_open()
        if self._error is None and not self.is_dialling:
            self._end_writing()

    def abort(self) -> None:
        """See `ports.Endpoint`."""
        if isinstance(self._remote or self._local, UnixAddress):
            self.close()  # Unix sockets know no reset
        elif self._open:
            if not self.is_dialling or self._listener is not None:  # a dial ends in silence; its answer is reset
                self._reset()
            self._leave()

    def close(self) -> None:
        """See `ports.Endpoint`."""
        if not self._open:
            return
        if self._unread:
            self._reset()  # the kernel's answer to a close with bytes unread
        elif self._error is None and not self.is_dialling:
            self._end_writing()
        self._leave()

    # --- what the driver, the listener and the handshake do with it ---

    def bits(self) -> int:
        """See `ports.Endpoint`."""
        if self._error is not None:
            return self._interest or (0 if self._told else READ | WRITE)
        interest = self._interest
        bits = READ if interest & READ and (self._unread or self._peer_ended) else 0
        # As on Linux, a full buffer becomes writable again when a third of it is free.
        if interest & WRITE and not self.is_dialling and self._room * 3 >= self.host.network.fabric.buffer:
            bits |= WRITE
        return bits

    def was_reported(self) -> None:
        """See `ports.Endpoint`."""
        self._told = self._error is not None and not self._interest

    def vanish(self) -> None:
        """See `ports.Endpoint`."""
        super().vanish()
        self._forget()

    def fail(self, error: NetworkError) -> None:
        """The connection broke, or never came to be."""
        if self._error is None:
            self._error = error
            self._unread.clear()
            self._forget()
            if self._lane is not None:
                self._lane.end()
            self.driver.update(self)

    @property
    def is_usable(self) -> bool:
        """Whether it is neither closed nor broken."""
        return self._open and self._error is None

    @property
    def is_waiting(self) -> bool:
        """Whether it dials and has neither succeeded nor failed."""
        return self.is_dialling and self._open and self._error is None

    def is_reachable(self, now: float) -> bool:
        """Whether packets leave from it and arrive at it: its machine has power and its address, its boxes know it."""
        host = self.host
        if not host.up or (host.where is not self._where and not host.is_where(self._where, self._local)):
            return False
        if self.bindings and isinstance(self._remote, TcpAddress):
            for binding in self.bindings:
                if not binding.refresh(self._remote, now):
                    return False
        return True

    def queued_by(self, listener: "VirtualListener") -> None:
        """It was accepted, or will be when the handshake is over, by this listener."""
        self._listener = listener

    def join(self, peer: "VirtualEndpoint") -> None:
        """Be the other end of `peer`, on this machine or on another."""
        self.peer, peer.peer = peer, self
        if self.host is not peer.host:
            fabric = self.host.network.fabric
            self._lane, peer._lane = Lane(fabric, self, peer), Lane(fabric, peer, self)  # noqa: SLF001  # its own kind
        elif isinstance(peer.remote, UnixAddress):
            self._credentials = _credentials(peer.driver)
            peer._credentials = _credentials(self.driver)  # noqa: SLF001

    def establish(self) -> None:
        """The connection is up: acknowledge the other end's part of the handshake."""
        self.is_dialling = False
        self.driver.update(self)
        if self.peer is not None:
            self._tell(self.peer.on_established, None)

    # --- packets ---

    def on_established(self, _nothing: None = None) -> None:
        """The other end is up, and says so."""
        if not self.is_usable:
            self._reset()
        elif self.is_dialling:
            self.is_dialling = False
            if self._listener is None:
                self.driver.update(self)
            elif not self._listener.enqueue(self):
                self.abort()

    def on_data(self, payload: bytes) -> None:
        """Bytes arrived."""
        if self.is_usable:
            self._unread += payload
            self.driver.update(self)
        else:
            self._reset()

    def on_room(self, size: int) -> None:
        """The other end read so many bytes."""
        self._room += size
        self.driver.update(self)

    def on_end(self, _nothing: None = None) -> None:
        """The other end sends no more."""
        self._peer_ended = True
        self.driver.update(self)

    def on_reset(self, _nothing: None = None) -> None:
        """The other end cut the connection, or refused it."""
        if self._open:
            if self.is_dialling and self._listener is None:
                self.fail(ConnectionRefused(f"Dialling {self._remote} failed: nothing listens there."))
            else:
                self.fail(ConnectionLost(f"The connection with {self._remote} was reset by the other end."))
            if self.is_dialling and self._listener is not None:
                self._listener.drop(self)

    def on_silence(self) -> None:
        """Nobody acknowledged anything for longer than TCP is patient."""
        if self._open:
            self.fail(ConnectionLost(f"The connection with {self._remote} broke: the other end fell silent."))

    def give_up(self) -> None:
        """Nobody answered the dial."""
        if self.is_waiting:
            self.fail(Unreachable(f"Dialling {self._remote} failed: it did not answer in time."))

    # --- inside ---

    def _tell(self, deliver: Deliver, value: Any) -> None:
        if self._lane is None:
            deliver(value)
        else:
            self._lane.send(0, deliver, value)

    def _free(self, size: int) -> None:
        """Tell the other end of room when it is a third of the buffer (RFC 9293, section 3.8.6.2.2)."""
        self._freed += size
        if self._freed * 3 >= self.host.network.fabric.buffer and self.peer is not None:
            freed, self._freed = self._freed, 0
            self._tell(self.peer.on_room, freed)

    def _end_writing(self) -> None:
        if not self._write_ended:
            self._write_ended = True
            if self.peer is not None:
                self._tell(self.peer.on_end, None)

    def _reset(self) -> None:
        peer = self.peer
        if peer is None:
            return
        if self._lane is None:
            peer.on_reset()
        else:
            self._lane.reset(peer.on_reset)

    def _leave(self) -> None:
        self._forget()
        super().close()

    def _forget(self) -> None:
        self.host.disconnect(self)

    def _require_usable(self) -> None:
        if self._error is not None:
            raise self._error
        self._require_open()

    def __repr__(self) -> str:
        state = "broken" if self._error else "closed" if not self._open else "dialling" if self.is_dialling else "open"
        return f"<VirtualEndpoint {self.host.name} {self._local} -> {self._remote} {state}>"


def _credentials(driver: "VirtualDriver") -> PeerCredentials:
    return PeerCredentials(uid=driver.uid, gid=driver.uid, pid=driver.pid)
