"""`Flow`: what the rooms above use of the data plane, whichever incarnation of the pump runs now."""

from collections.abc import Callable

import trio

from beam_actors.errors import ActorUnavailable, BeamError, TimedOut
from beam_actors.flow.joining import DialJoining, Told
from beam_actors.flow.limits import FlowLimits
from beam_actors.flow.messages import Accepted
from beam_actors.flow.owner import Owner
from beam_actors.flow.pump import Pump, PumpStatistics
from beam_actors.flow.session import SessionHandle
from beam_actors.flow.session_link import SessionLink
from beam_actors.flow.sockets import DatagramLink, ListenerLink, SocketLink
from beam_actors.flow.splices import NO_TRAFFIC, Splices, Traffic
from beam_actors.flow.stream import Stream
from beam_actors.flow.tls import TlsLink
from beam_actors.ports import Buffer, DatagramSocket, TlsEngine
from beam_actors.runtime import Event, System
from beam_actors.values import Address, TcpAddress
from beam_actors.wire import Session, WindowBudget


class ListenerHandle:
    """A listening socket. Its owner is told `Accepted` for each connection."""

    __slots__ = ("_link", "taker")

    def __init__(self, link: ListenerLink) -> None:
        self._link = link
        self.taker: Callable[[Stream], bool] | None = None
        """Asked in the pump about each connection, must be quick, and says whether it took it; of others the owner is
        told."""

    @property
    def local(self) -> Address:
        """The bound address, with the real port."""
        return self._link.local

    @property
    def accepted(self) -> int:
        """Connections taken so far."""
        return self._link.accepted

    def adopt(self, owner: Owner) -> None:
        """Hand it to another actor, which is told `Accepted` from now on and with whose end it is closed."""
        self._link.adopt(owner)

    def close(self) -> None:
        """Listen no more; connections that were accepted go on. Idempotent."""
        self._link.close()

    dispose = close

    def __repr__(self) -> str:
        return f"<ListenerHandle {self._link!r}>"


class DatagramHandle:
    """A bound UDP socket."""

    __slots__ = ("_link",)

    def __init__(self, link: DatagramLink) -> None:
        self._link = link

    @property
    def local(self) -> TcpAddress:
        """The bound address, with the real port."""
        return self._link.socket.local

    def send_to(self, data: Buffer, address: TcpAddress) -> bool:
        """Send one datagram; False when it was dropped here."""
        return self._link.socket.send_to(data, address)

    def close(self) -> None:
        """Give the socket up; idempotent."""
        self._link.close()

    dispose = close

    def __repr__(self) -> str:
        return f"<DatagramHandle {self._link!r}>"


class Flow:
    """The data plane as one object, made once per node; the pump actor attaches each new pump to it.

    Everything raises `ActorUnavailable` while no pump runs. `owner` is the ref of the actor that answers for the
    result: when it ends, what it owns is aborted, unless it was spliced or handed over by `adopt`.
    """

    def __init__(self, limits: FlowLimits | None = None) -> None:
        self.limits = limits or FlowLimits()
        self.windows = WindowBudget(self.limits.node_bytes)
        """For `Session(budget=...)`: the whole node's bound on the growth of receive windows."""
        self._pump: Pump | None = None
        self._system: System | None = None

    def watch(self, system: System) -> None:
        """Learn of every actor's end from now on; asked again for the same system, nothing happens."""
        if self._system is not system:
            self._system = system
            system.observe(self._observe)

    def attach(self, pump: Pump | None) -> None:
        """Use this pump from now on; None while there is none."""
        self._pump = pump

    @property
    def pump(self) -> Pump:
        """The pump that runs now."""
        if self._pump is None or not self._pump.is_open:
            raise ActorUnavailable("The pump is restarting; try again in a moment.")
        return self._pump

    @property
    def splices(self) -> Splices:
        """The living splices: found, counted and aborted by tag."""
        return self.pump.splices

    def traffic(self, tag: str) -> Traffic:
        """What went through the splices of a tag; nothing while the pump restarts, which ends them all."""
        pump = self._pump
        return NO_TRAFFIC if pump is None or not pump.is_open else pump.splices.traffic(tag)

    def statistics(self) -> PumpStatistics:
        """What the pump did and holds."""
        return self.pump.statistics()

    async def dial(
        self,
        address: Address,
        owner: Owner,
        *,
        timeout: float,  # noqa: ASYNC109  # a deadline is part of the contract: every dial has one
        bind: TcpAddress | None = None,
        reuse_port: bool = False,
    ) -> Stream:
        """Connect; return once the connection is up.

        Raises:
            TimedOut: it was not up after `timeout` seconds.
            NetworkError: the dial failed (`ConnectionRefused`, `Unreachable`, `ResourceExhausted`, …).
        """
        pump = self.pump
        stream = Stream(SocketLink(pump, pump.driver.dial(address, bind=bind, reuse_port=reuse_port), owner))
        try:
            with trio.move_on_after(timeout):
                await stream.connected()
                return stream
        except BaseException:
            stream.abort()
            raise
        stream.abort()
        raise TimedOut(f"{address} did not answer within {timeout:g} seconds.")

    def join(
        self,
        stream: Stream,
        address: Address,
        owner: Owner,
        *,
        timeout: float,
        greeting: bytes,
        tags: tuple[str, ...],
        told: Told,
    ) -> None:
        """Dial for a stream; when the connection is up, send `greeting` on the stream and splice them.

        No task waits. `told` is called once, perhaps before this returns, in the pump else: with None once they are
        spliced, or with what `dial` raises, and then the stream is as it was; or with the error of the stream. Nothing
        goes ahead.
        """
        try:
            pump = self.pump
            link = SocketLink(pump, pump.driver.dial(address), owner)
        except BeamError as error:
            told(error, 0)
            return
        DialJoining(stream, link, greeting=greeting, tags=tags, told=told).begin(timeout)

    def listen(self, address: Address, owner: Owner, *, reuse_port: bool = False, backlog: int = 256) -> ListenerHandle:
        """Listen; each connection reaches the owner as `Accepted`. Raises `AddressInUse` and `AddressNotPermitted`."""
        pump = self.pump

        def on_accept(link: SocketLink) -> None:
            if link.owner is not None:
                stream = Stream(link)
                if handle.taker is None or not handle.taker(stream):
                    link.owner.tell(Accepted(stream, handle))

        listener = pump.driver.listen(address, reuse_port=reuse_port, backlog=backlog)
        handle = ListenerHandle(ListenerLink(pump, listener, on_accept, owner))
        return handle

    def session(
        self, stream: Stream, session: Session, owner: Owner, *, handshake: float | None = None
    ) -> SessionHandle:
        """Run a session over a stream, whose handle is spent.

        The owner is told `SessionUp`, `IncomingStream`, `wire.PeerIdentified`, `wire.PeerLeaving` and at last
        `SessionDown`. The handshake has `handshake` seconds, or `limits.handshake_seconds`.
        """
        link, unread = stream.detach()
        return SessionLink(link, session, owner, unread, handshake).handle

    def tls(self, stream: Stream, engine: TlsEngine) -> Stream:
        """Run TLS over a stream, whose handle is spent; the new one has the same owner and carries plaintext."""
        link, unread = stream.detach()
        return Stream(TlsLink(link, engine, unread))

    def datagrams(
        self, address: TcpAddress, on_waiting: Callable[[DatagramSocket], None], owner: Owner
    ) -> DatagramHandle:
        """Bind a UDP socket; `on_waiting(socket)` is called in the pump when datagrams wait, and must be quick."""
        pump = self.pump
        return DatagramHandle(DatagramLink(pump, pump.driver.datagrams(address), on_waiting, owner))

    def _observe(self, event: Event) -> None:
        if event.kind == "exited" and self._pump is not None:
            self._pump.owner_ended(event.path)

    def __repr__(self) -> str:
        return f"<Flow over {self._pump!r}>"
