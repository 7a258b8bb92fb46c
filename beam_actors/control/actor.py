"""The control API as an actor: its socket, its own small pump, and one worker per connection.

It has a pump of its own, so that the tree can be read while the core restarts. A crash of this actor closes the
socket and every connection to it and nothing else; foreground tunnels wait for their commands to come back.
"""

from collections.abc import Callable

import attrs
import structlog

from beam_actors.control.api import NodeApi
from beam_actors.control.limits import ControlLimits
from beam_actors.control.serving import Service, Statistics
from beam_actors.control.sharing import Shares
from beam_actors.flow import Accepted, Flow, FlowLimits, Pump, Stream
from beam_actors.ports import Clock, NetworkDriver
from beam_actors.runtime import Actor, Mailbox, receives
from beam_actors.values import UnixAddress

_PUMP_LIMITS = FlowLimits(read_size=1 << 16, node_bytes=8 << 20)
_log = structlog.get_logger()


@attrs.frozen(slots=True)
class SweepShares:
    """To the actor itself: foreground tunnels that nobody came back for are withdrawn now."""


class Control(Actor):
    """Serves `api` at a Unix socket to programs of the user `uid`."""

    mailbox = Mailbox(capacity=1024)  # connections that wait to be served; one more is reset

    def __init__(
        self,
        api: NodeApi,
        address: UnixAddress,
        *,
        driver: Callable[[], NetworkDriver],
        clock: Clock,
        uid: int,
        limits: ControlLimits | None = None,
    ) -> None:
        super().__init__()
        self._address = address
        self._driver = driver
        self._clock = clock
        self._limits = limits or ControlLimits()
        self._shares = Shares(api, self._limits)
        self._service = Service(api, uid=uid, limits=self._limits, shares=self._shares)
        self._open = 0
        self._turned_away = 0

    def __repr__(self) -> str:
        return f"Control({self._address}, {self._open} connections, {self._service.statistics})"

    @property
    def statistics(self) -> Statistics:
        """What this incarnation answered and refused."""
        return self._service.statistics

    async def on_start(self) -> None:
        """Listen; raises `AddressInUse` when the socket's path exists."""
        pump = Pump(self._driver(), self._clock, _PUMP_LIMITS)
        self.spawn(pump.run, name="pump")
        flow = Flow(_PUMP_LIMITS)
        flow.attach(pump)
        flow.listen(self._address, self.ref)
        self.send_after(self._limits.orphan_seconds, SweepShares())

    @receives(Accepted)
    def accepted(self, message: Accepted) -> None:
        """Serve one more connection, within the bound."""
        if self._open >= self._limits.connections:
            self._turned_away += 1
            if self._turned_away == 1:
                _log.warning("too many control connections", open=self._open)
            message.stream.abort()
            return
        self._open += 1
        self.spawn(self._serve, message.stream, name="connection")

    async def _serve(self, stream: Stream) -> None:
        try:
            await self._service.serve(stream)
        finally:
            self._open -= 1

    @receives(SweepShares)
    def sweep(self, _message: SweepShares) -> None:
        """What a crashed incarnation left behind is withdrawn."""
        self.spawn(self._shares.sweep, name="sweep")
