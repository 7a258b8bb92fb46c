"""Connections of the virtual network: what a kernel would do with each packet, reduced to what a program can see.

The invariant: a reset, a clean end, a refusal and a silence stay four different things to both ends, in the order in
which the packets arrive, and readiness says what the next call would. It knows no route and draws nothing at random.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from beam_actors.errors import ConnectionLost, ConnectionRefused, NetworkError, Unreachable
from beam_actors.ports import Buffer, PeerCredentials
from beam_actors.testing.network.fabric import Lane
from beam_actors.testing.network.pollable import READ, WRITE, VirtualPollable
from beam_actors.values import Address, TcpAddress, UnixAddress

if TYPE_CHECKING:
    from beam_actors.testing.network.driver import VirtualDriver
    from beam_actors.testing.network.host import VirtualHost

_SYN_RETRY = 1.0


class VirtualEndpoint(VirtualPollable):
    """One end of a connection. `peer` is the other one, once there is one."""

    __slots__ = (
        "_credentials",
        "_dialling",
        "_error",
        "_local",
        "_peer_ended",
        "_remote",
        "_room",
        "_silent",
        "_told",
        "_unread",
        "_write_ended",
        "lane",
        "peer",
    )  # fmt: skip

    def __init__(self, driver: "VirtualDriver", remote: Address | None) -> None:
        super().__init__(driver)
        self.peer: VirtualEndpoint | None = None
        self._local: Address | None = None
        self._remote = remote
        self._credentials: PeerCredentials | None = None
        self._dialling = True
        self._error: NetworkError | None = None
        self._told = False
        self._unread = bytearray()
        self._peer_ended = False
        self._write_ended = False
        self._room = driver.host.network.buffer
        self.lane = Lane()
        self._silent = False

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
        return not self._dialling

    def recv_into(self, buffer: memoryview) -> int | None:
        """See `ports.Endpoint`."""
        self._require_usable()
        size = min(len(buffer), len(self._unread))
        if size:
            buffer[:size] = self._unread[:size]
            del self._unread[:size]
            self._send_packet(lambda peer: peer.on_room(size))
            self.driver.update(self)
            return size
        return 0 if self._peer_ended else None

    def send(self, data: Buffer) -> int:
        """See `ports.Endpoint`."""
        self._require_usable()
        if self._write_ended:
            raise ConnectionLost("Bytes were sent after the end of the stream.")
        size = 0 if self._dialling else min(len(data), self._room)
        if size:
            payload = bytes(data[:size])
            self._room -= size
            self._send_packet(lambda peer: peer.on_data(payload))
            self.driver.update(self)
        return size

    def sendv(self, parts: Sequence[Buffer]) -> int:
        """See `ports.Endpoint`."""
        return self.send(b"".join(parts))

    def shutdown(self) -> None:
        """See `ports.Endpoint`."""
        self._require_open()
        if not self._write_ended and self._error is None and not self._dialling:
            self._write_ended = True
            self._send_packet(lambda peer: peer.on_end())

    def abort(self) -> None:
        """See `ports.Endpoint`."""
        if isinstance(self._remote or self._local, UnixAddress):
            self.close()  # Unix sockets know no reset
        elif self._open:
            self._send_packet(lambda peer: peer.on_reset())
            self._leave()

    def close(self) -> None:
        """See `ports.Endpoint`."""
        if not self._open:
            return
        if self._unread:
            self._send_packet(lambda peer: peer.on_reset())  # the kernel's answer to a close with bytes unread
        elif not self._write_ended:
            self._send_packet(lambda peer: peer.on_end())
        self._leave()

    # --- what the driver and the listener do with it ---

    def bits(self) -> int:
        """See `ports.Endpoint`."""
        if self._error is not None:
            return self._interest or (0 if self._told else READ | WRITE)
        bits = READ if self._unread or self._peer_ended else 0
        # As on Linux, a full buffer becomes writable again when a third of it is free.
        if not self._dialling and self._room * 3 >= self.driver.host.network.buffer:
            bits |= WRITE
        return bits & self._interest

    def was_reported(self) -> None:
        """See `ports.Endpoint`."""
        self._told = self._error is not None and not self._interest

    def vanish(self) -> None:
        """See `ports.Endpoint`."""
        super().vanish()
        self._release_port()

    def fail(self, error: NetworkError) -> None:
        """The connection broke, or never came to be."""
        if self._error is None:
            self._error = error
            self._unread.clear()
            self._release_port()
            self.driver.update(self)

    def bound_to(self, local: TcpAddress) -> None:
        """The dial has a source address."""
        self._local = local

    def establish(self) -> None:
        """The dial succeeded."""
        self._dialling = False
        self.driver.update(self)

    def join(self, peer: "VirtualEndpoint", local: Address | None) -> None:
        """This is the accepted end of `peer`'s dial."""
        self.peer, peer.peer = peer, self
        self._local = local
        self._dialling = False
        if isinstance(peer.remote, UnixAddress):
            self._credentials = _credentials(peer.driver)
            peer._credentials = _credentials(self.driver)  # noqa: SLF001  # another of its own kind

    def knock(self, target: "VirtualHost") -> None:
        """Send the first packet of a dial."""
        here = self.driver.host
        here.network.fabric.send(self.driver, here, target, self.lane, lambda: self._arrive_at(target))

    def give_up(self) -> None:
        """Nobody answered the dial."""
        if self._open and self._dialling:
            self.fail(Unreachable(f"Dialling {self._remote} failed: it did not answer in time."))

    # --- packets ---

    def on_data(self, payload: bytes) -> None:
        """Bytes arrived."""
        if not self._open:
            self._send_packet(lambda peer: peer.on_reset())
        elif self._error is None:
            self._unread += payload
            self.driver.update(self)

    def on_room(self, size: int) -> None:
        """The other end read so many bytes."""
        self._room += size
        self.driver.update(self)

    def on_end(self) -> None:
        """The other end sends no more."""
        self._peer_ended = True
        self.driver.update(self)

    def on_reset(self) -> None:
        """The other end cut the connection, or refused it."""
        if self._open:
            if self._dialling:
                self.fail(ConnectionRefused(f"Dialling {self._remote} failed: nothing listens there."))
            else:
                self.fail(ConnectionLost(f"The connection with {self._remote} was reset by the other end."))

    def _send_packet(self, arrival: "Callable[[VirtualEndpoint], None]") -> None:
        peer = self.peer
        if peer is None or self._error is not None:
            return
        here, there = self.driver.host, peer.driver.host
        # A process that ended doesn't run its agenda: its kernel answers, here on the sender's.
        carrier = peer.driver if peer.driver.is_alive else self.driver
        fabric = here.network.fabric
        if not fabric.send(carrier, here, there, self.lane, lambda: arrival(peer)) and not self._silent:
            self._silent = True
            fabric.later(self.driver, here.network.patience, self._check_silence)

    def _check_silence(self) -> None:
        peer = self.peer
        self._silent = False
        if (
            self._open
            and peer is not None
            and not self.driver.host.network.fabric.passes(self.driver.host, peer.driver.host)
        ):
            self.fail(ConnectionLost(f"The connection with {self._remote} broke: the other end fell silent."))

    def _arrive_at(self, target: "VirtualHost") -> None:
        """The first packet of a dial reaches the machine."""
        if not self._open or self._error is not None or not isinstance(self._remote, TcpAddress):
            return
        here, fabric = self.driver.host, self.driver.host.network.fabric
        if not target.up:
            return
        listener = target.listener_at(self._remote)
        if listener is None:
            fabric.send(self.driver, target, here, Lane(), self.on_reset)
        elif not listener.has_room:
            fabric.later(self.driver, _SYN_RETRY, lambda: self.knock(target))
        else:
            answer_lane = listener.offer(self, self._remote)
            fabric.send(self.driver, target, here, answer_lane, self.establish)

    def _leave(self) -> None:
        self._release_port()
        super().close()

    def _release_port(self) -> None:
        if isinstance(self._local, TcpAddress) and self.driver.host.sources.get(self._local) is self:
            del self.driver.host.sources[self._local]

    def _require_usable(self) -> None:
        if self._error is not None:
            raise self._error
        self._require_open()

    def __repr__(self) -> str:
        state = "broken" if self._error else "dialling" if self._dialling else "open" if self._open else "closed"
        return f"<VirtualEndpoint {self.driver.host.name} {self._local} -> {self._remote} {state}>"


def _credentials(driver: "VirtualDriver") -> PeerCredentials:
    return PeerCredentials(uid=driver.host.uid, gid=driver.host.uid, pid=driver.pid)
