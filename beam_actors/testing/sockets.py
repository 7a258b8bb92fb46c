"""The sockets of the virtual network: what a kernel would do with each packet, reduced to what a program can see."""

from collections import deque
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from beam_actors.errors import ConnectionLost, ConnectionRefused, NetworkError, ResourceExhausted, Unreachable
from beam_actors.ports import Buffer, PeerCredentials
from beam_actors.testing.links import Lane
from beam_actors.values import Address, TcpAddress, UnixAddress

if TYPE_CHECKING:
    from beam_actors.testing.network import VirtualDriver, VirtualHost

_READ, _WRITE = 1, 2
_MAX_DATAGRAM = 65507
_MAX_DATAGRAMS = 256
_SYN_RETRY = 1.0


class VirtualPollable:
    """A socket of one process, and what is wanted of it."""

    __slots__ = ("_interest", "_open", "driver")

    def __init__(self, driver: "VirtualDriver") -> None:
        self.driver = driver
        self._interest = 0
        self._open = True

    def want(self, *, read: bool, write: bool) -> None:
        """See `ports.Pollable`."""
        self._require_open()
        self._interest = (_READ if read else 0) | (_WRITE if write else 0)
        self.driver.update(self)

    def close(self) -> None:
        """See `ports.Pollable`."""
        self._open = False
        self.driver.leave(self)

    def vanish(self) -> None:
        """The machine lost power."""
        self._open = False

    def bits(self) -> int:
        """What it can do without blocking, of what is wanted."""
        raise NotImplementedError

    def was_reported(self) -> None:
        """A batch holds it."""

    def _require_open(self) -> None:
        if not self._open:
            raise ConnectionLost(f"{self!r} is used after it was closed.")


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
            return self._interest or (0 if self._told else _READ | _WRITE)
        bits = _READ if self._unread or self._peer_ended else 0
        # As on Linux, a full buffer becomes writable again when a third of it is free.
        if not self._dialling and self._room * 3 >= self.driver.host.network.buffer:
            bits |= _WRITE
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


class VirtualListener(VirtualPollable):
    """A listening socket and its queue."""

    __slots__ = ("_backlog", "_local", "_queue", "reuse_port")

    def __init__(self, driver: "VirtualDriver", local: Address, backlog: int, *, reuse_port: bool) -> None:
        super().__init__(driver)
        self._local = local
        self._backlog = backlog
        self._queue: deque[VirtualEndpoint] = deque()
        self.reuse_port = reuse_port

    @property
    def local(self) -> Address:
        """See `ports.Listener`."""
        return self._local

    def accept(self) -> VirtualEndpoint | None:
        """See `ports.Listener`."""
        self._require_open()
        if not self._queue:
            return None
        if self.driver.is_full:
            raise ResourceExhausted(f"Accepting at {self._local} failed: too many sockets are open.")
        endpoint = self._queue.popleft()
        self.driver.enter(endpoint)
        self.driver.update(self)
        return endpoint

    def close(self) -> None:
        """See `ports.Listener`."""
        if not self._open:
            return
        self._forget()
        super().close()
        for endpoint in self._queue:
            endpoint.abort()
        self._queue.clear()

    def vanish(self) -> None:
        """See `ports.Listener`."""
        super().vanish()
        self._forget()

    def bits(self) -> int:
        """See `ports.Listener`."""
        return self._interest & _READ if self._queue else 0

    @property
    def has_room(self) -> bool:
        """Whether its queue takes another connection."""
        return len(self._queue) < self._backlog

    def offer(self, dialled: VirtualEndpoint, local: Address | None) -> Lane:
        """Queue the other end of a dial; the lane on which its packets travel."""
        endpoint = VirtualEndpoint(self.driver, dialled.local)
        endpoint.join(dialled, local or self._local)
        self._queue.append(endpoint)
        self.driver.update(self)
        return endpoint.lane

    def _forget(self) -> None:
        host = self.driver.host
        if isinstance(self._local, UnixAddress):
            del host.unix[self._local.path]
            return
        listeners = host.listeners[self._local]
        listeners.remove(self)
        if not listeners:
            del host.listeners[self._local]

    def __repr__(self) -> str:
        return f"<VirtualListener {self.driver.host.name} {self._local} {'open' if self._open else 'closed'}>"


class VirtualDatagrams(VirtualPollable):
    """A bound UDP socket and its queue."""

    __slots__ = ("_local", "_queue")

    def __init__(self, driver: "VirtualDriver", local: TcpAddress) -> None:
        super().__init__(driver)
        self._local = local
        self._queue: deque[tuple[bytes, TcpAddress]] = deque()

    @property
    def local(self) -> TcpAddress:
        """See `ports.DatagramSocket`."""
        return self._local

    def receive(self, limit: int = 64) -> list[tuple[bytes, TcpAddress]]:
        """See `ports.DatagramSocket`."""
        self._require_open()
        batch = [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]
        self.driver.update(self)
        return batch

    def send_to(self, data: Buffer, address: TcpAddress) -> bool:
        """See `ports.DatagramSocket`."""
        self._require_open()
        if len(data) > _MAX_DATAGRAM:
            raise NetworkError(f"Sending a datagram to {address} failed: it is longer than {_MAX_DATAGRAM} bytes.")
        host = self.driver.host
        source = host.source_for(address)
        if source is None:
            raise Unreachable(f"Sending a datagram to {address} failed: no route leads there.")
        target = host if host.has(address.ip) else host.network.at(address.ip)
        if target is not None:
            sender = self._local if not self._local.is_wildcard else TcpAddress(source, self._local.port)
            payload = bytes(data)
            receiver = next(
                (sock for local, sock in target.datagrams.items() if _receives(local, address)), None
            )  # fmt: skip
            if receiver is not None:
                host.network.fabric.cast(receiver.driver, host, target, lambda: receiver.on_datagram(payload, sender))
        return True

    def on_datagram(self, payload: bytes, sender: TcpAddress) -> None:
        """A datagram arrived."""
        if self._open and len(self._queue) < _MAX_DATAGRAMS:
            self._queue.append((payload, sender))
            self.driver.update(self)

    def close(self) -> None:
        """See `ports.DatagramSocket`."""
        if self._open:
            del self.driver.host.datagrams[self._local]
            super().close()

    def vanish(self) -> None:
        """See `ports.DatagramSocket`."""
        super().vanish()
        self.driver.host.datagrams.pop(self._local, None)

    def bits(self) -> int:
        """See `ports.DatagramSocket`."""
        return self._interest & (_WRITE | (_READ if self._queue else 0))

    def __repr__(self) -> str:
        return f"<VirtualDatagrams {self.driver.host.name} {self._local} {'open' if self._open else 'closed'}>"


def _receives(bound: TcpAddress, target: TcpAddress) -> bool:
    if bound.port != target.port or ip_address(bound.ip).version != ip_address(target.ip).version:
        return False
    return bound.ip == target.ip or bound.is_wildcard


def _credentials(driver: "VirtualDriver") -> PeerCredentials:
    return PeerCredentials(uid=driver.host.uid, gid=driver.host.uid, pid=driver.pid)
