"""The web servers' common actor: listeners, and a bounded number of connections that each pass through the gate.

Invariants: one connection that misbehaves is closed and crashes nobody; connections whose request doesn't come, or
whose page isn't taken, keep nobody out; a listener that is lost comes back at the same address, and those of the names
as the resolver says. What a request is, is the gate's business.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import ClassVar

import structlog
import trio

from beam_actors.errors import AddressInUse, AddressNotPermitted, BeamError, NetworkError
from beam_actors.flow import Accepted, Flow, ListenerHandle, Stream
from beam_actors.ingress.binding import RETRY_SECONDS, Binding
from beam_actors.ingress.gate import Gate
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.messages import BindAgain, Serve, Served, ServerStarted, Unserve, WebKind, WhereBound
from beam_actors.ingress.neighbours import Names, TunnelOpener
from beam_actors.ingress.page import PROGRAM
from beam_actors.ingress.zone import Zone
from beam_actors.runtime import Actor, Mailbox, Overflow, Ref, receives
from beam_actors.values import TcpAddress

_log = structlog.get_logger(__name__)


class WebServer(Actor):
    """A listener whose connections lead to tunnels. Subclasses say which port it is and what lies below HTTP."""

    mailbox = Mailbox(capacity=4096, overflow=Overflow.DROP_NEWEST)  # a dropped connection is disposed of, so reset
    kind: ClassVar[WebKind]
    port: ClassVar[int]
    """The port of the name that its requests are for."""

    def __init__(
        self,
        flow: Flow,
        tunnels: TunnelOpener,
        names: Names,
        *,
        resolver: Ref,
        zone: Zone,
        binding: Binding,
        limits: IngressLimits | None = None,
        program: str = PROGRAM,
    ) -> None:
        """`program` is how a person calls the program for this daemon."""
        super().__init__()
        self._flow = flow
        self._tunnels = tunnels
        self._names = names
        self._resolver = resolver
        self._zone = zone
        self._binding = binding
        self._limits = limits or IngressLimits()
        self._program = program
        self._per_name: OrderedDict[str, ListenerHandle] = OrderedDict()
        self._may_bind = not binding.fixed
        self._open: dict[trio.CancelScope, None] = {}
        self._silent: dict[trio.CancelScope, None] = {}  # of these: what may be given up, oldest first
        self.pages = 0
        """Connections that got a page."""
        self.broken = 0
        """Connections that ended with an error, or were too many."""

    def __repr__(self) -> str:
        more = f" and {len(self._per_name)} addresses" if self._per_name else ""
        counts = f"{len(self._open)} open, {self.pages} pages, {self.broken} broken"
        return f"<{type(self).__name__} at {self._binding.local}{more}, {counts}>"

    async def on_start(self) -> None:
        """Bind."""
        self._gate = Gate(
            self.kind, self.port, self._zone, self._tunnels, self._names, self._limits, self.path, self._program
        )
        await self._bind()

    @receives(BindAgain)
    async def on_bind_again(self, _message: BindAgain) -> None:
        """Try again."""
        await self._bind()

    async def _bind(self) -> None:
        bound = await self._binding.bind(
            lambda address: self._flow.listen(address, self.ref), lambda bound: bound.local
        )
        if bound is None:
            self.send_after(RETRY_SECONDS, BindAgain())
        else:
            self._resolver.tell(ServerStarted(self.kind))

    @receives(WhereBound)
    def on_where_bound(self, _message: WhereBound) -> TcpAddress:
        """Tell where it listens."""
        return self._binding.local

    @receives(Serve)
    def on_serve(self, message: Serve) -> Served:
        """Listen at the well-known port of one more loopback address, if this process may."""
        if message.ip in self._per_name:
            self._per_name.move_to_end(message.ip)
            return Served.YES
        if not self._may_bind:
            return Served.NO
        try:
            listener = self._flow.listen(TcpAddress(message.ip, self.port), self.ref)
        except AddressNotPermitted as error:  # a privilege does not come by itself: so it will be for every name
            self._may_bind = False
            _log.info("names share one address", server=self.kind, at=str(self._binding.local), error=str(error))
            return Served.NO
        except AddressInUse as error:  # perhaps by our own listener of before, which is on its way out
            _log.debug("a loopback address is taken", ip=message.ip, error=str(error))
            return Served.TAKEN
        except NetworkError as error:
            _log.warning("a loopback address can't be served", ip=message.ip, error=str(error))
            return Served.NO
        self._per_name[message.ip] = listener
        if len(self._per_name) > self._limits.bound_addresses:
            _, oldest = self._per_name.popitem(last=False)
            oldest.close()
        return Served.YES

    @receives(Unserve)
    def on_unserve(self, message: Unserve) -> None:
        """Leave an address; connections that were accepted there go on."""
        listener = self._per_name.pop(message.ip, None)
        if listener is not None:
            listener.close()

    @receives(Accepted)
    def on_accepted(self, message: Accepted) -> None:
        """Serve a connection; when there are too many, in the place of the oldest that asks for nothing now."""
        if len(self._open) >= self._limits.web_connections:
            self.broken += 1
            if not self._silent:
                message.dispose()
                return
            oldest = next(iter(self._silent))
            self._leave(oldest)
            oldest.cancel()
        scope = trio.CancelScope()
        self._open[scope] = self._silent[scope] = None
        self.spawn(self._hold, message.stream, scope)

    def _leave(self, scope: trio.CancelScope) -> None:
        self._open.pop(scope, None)
        self._silent.pop(scope, None)

    # --- one connection ---

    def secure(self, stream: Stream) -> tuple[Stream, Callable[[], str | None]]:
        """The plaintext of an accepted connection, and the host name that it was set up for, known after a read."""
        return stream, lambda: None

    async def _hold(self, accepted: Stream, scope: trio.CancelScope) -> None:
        def asking(now: bool) -> None:  # noqa: FBT001 (the gate's callback)
            if now:
                self._silent.pop(scope, None)
            elif scope in self._open:
                self._silent[scope] = None

        try:
            with scope:
                await self._converse(accepted, asking)
        finally:
            self._leave(scope)

    async def _converse(self, accepted: Stream, asking: Callable[[bool], None]) -> None:
        stream = accepted
        try:
            stream, server_name = self.secure(accepted)
            page = await self._gate.serve(stream, server_name, asking)
            self.pages += page is not None
        except BeamError as error:
            self.broken += 1
            _log.debug("a connection ended early", server=self.kind, error=str(error))
            stream.abort()
        except Exception:  # noqa: BLE001 (whatever bug one connection found, it must not take down those of others)
            self.broken += 1
            _log.exception("a connection failed", server=self.kind)
            stream.abort()
        except BaseException:  # it gave its place to another, or the server ends
            stream.abort()
            raise
