"""The gate: from a connection's first bytes to a tunnel, or to a page. What HTTPS and HTTP have in common.

Invariants: a connection is held here for a bounded time (first head, opening, farewell). A request reaches a tunnel
only if its Host is a name of ours and agrees with what TLS was set up for; then its bytes go on exactly as they came,
and what follows on the connection (bodies, WebSockets, events, further requests) is the app's business. It knows no
actors.
"""

import contextlib
from collections.abc import Callable, Sequence

import attrs
import structlog
import trio

from beam_actors.errors import (
    BeamError,
    NameContested,
    NameNotFound,
    NameUnheld,
    NetworkError,
    TimedOut,
    TunnelNotFound,
)
from beam_actors.flow import Stream
from beam_actors.ingress.heads import BadHead, Head, HeadReader
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.messages import WebKind
from beam_actors.ingress.neighbours import Choice, Names, TunnelOpener
from beam_actors.ingress.page import PROGRAM, Page
from beam_actors.ingress.pages import Visit, misdirected, page_for, too_slow
from beam_actors.ingress.zone import Place, Zone

_log = structlog.get_logger(__name__)
_MAX_DRAINED = 1 << 18


@attrs.frozen(slots=True)
class Gate:
    """Judges connections to one server."""

    kind: WebKind
    port: int
    """The port of the name that requests are for, whatever port the server has."""
    zone: Zone
    tunnels: TunnelOpener
    names: Names
    limits: IngressLimits
    tag: str
    """The path by which the splices can be found."""
    program: str = PROGRAM
    """How a person calls the program for this daemon."""

    async def serve(
        self, stream: Stream, server_name: Callable[[], str | None], asking: Callable[[bool], None] = lambda _: None
    ) -> Page | None:
        """Take a connection to its end here: None once it is spliced (or was never used), else the page it got.

        `server_name` tells the SNI host name after the first read; `asking` is told True when a request
        has come, and False when it only waits for its client to take a page. The stream is spent or closed on return;
        when an error is raised, the caller resets it.

        Raises:
            NetworkError, RemoteProtocolError: the client broke the connection or TLS.
        """
        reader = HeadReader(max_bytes=self.limits.head_bytes, max_fields=self.limits.head_fields)
        accept, head_only = "", False
        outcome: Stream | Page
        try:
            with trio.fail_after(self.limits.head_seconds):
                head = await _read_head(stream, reader)
        except trio.TooSlowError:
            outcome = too_slow()
        except BadHead as error:
            outcome, accept, head_only = page_for(error, Visit("")), error.accept, error.method == "HEAD"
        else:
            accept, head_only = head.accept, head.method == "HEAD"
            asking(True)
            outcome = await self._tunnel_for(head, server_name())
            asking(False)
        if not reader.received:  # browsers open connections that they may never use
            stream.close()
            return None
        if isinstance(outcome, Page):
            _log.debug("a request got a page", server=self.kind, status=outcome.status, error=outcome.code)
            await self._farewell(stream, outcome.render(accept=accept, head_only=head_only))
            return outcome
        self._splice(stream, reader.received, outcome)
        return None

    async def _tunnel_for(self, head: Head, server_name: str | None) -> Stream | Page:
        spot = self.zone.spot_host(head.host)
        if server_name is not None and server_name.removesuffix(".") != head.host:
            return misdirected(head.host, server_name)
        if spot.place is Place.OUTSIDE:
            return misdirected(head.host, "")
        claimable = spot.place is Place.NAME and "." not in spot.text
        visit = Visit(head.host, self.kind, head.port, names=claimable, program=self.program)
        if spot.place is not Place.NAME:
            return page_for(NameNotFound(), visit)
        return await self._open(spot.text, visit, seen=head.navigates and self.kind == "https")

    async def _open(self, text: str, visit: Visit, *, seen: bool) -> Stream | Page:
        try:
            with trio.fail_after(self.limits.open_seconds):
                return await self.tunnels.open(text, self.port, client=self.kind, seen="navigation" if seen else None)
        except trio.TooSlowError:
            return page_for(TimedOut(), visit)
        except NameContested as error:
            return page_for(error, visit, await self._choices(text))
        except NameUnheld as error:
            visit = attrs.evolve(visit, petname=await self._is_petname(text))
            # A claim of the pinned owner from before the pin's mark may be live: that is nobody else's.
            others = [one for one in await self._choices(text) if one.relation != "pin"] if not visit.petname else ()
            return page_for(error, visit, others)
        except (NameNotFound, TunnelNotFound) as error:
            return page_for(error, attrs.evolve(visit, petname=await self._is_petname(text)))
        except BeamError as error:
            return page_for(error, visit)

    async def _is_petname(self, text: str) -> bool:
        """Whether the name is a petname; no, if that can't be said now."""
        with trio.move_on_after(self.limits.open_seconds), contextlib.suppress(BeamError):
            return await self.names.is_petname(text)
        return False

    async def _choices(self, text: str) -> Sequence[Choice]:
        """Who the owners of a name are; none if that can't be said now, since the page is good without."""
        with trio.move_on_after(self.limits.open_seconds), contextlib.suppress(BeamError):
            return await self.names.claimants(text)
        return ()

    def _splice(self, stream: Stream, received: bytes, tunnel: Stream) -> None:
        try:
            stream.unread(received)
            stream.splice(tunnel, self.tag)
        except BaseException:
            tunnel.abort()
            raise

    async def _farewell(self, stream: Stream, response: bytes) -> None:
        """Send the page, then take what still comes: a close upon unread bytes is a reset, which may overtake the page.

        Source: RFC 9112 section 9.6.
        """
        with trio.move_on_after(self.limits.farewell_seconds), contextlib.suppress(NetworkError):
            await stream.write(response)
            await stream.shutdown()
            drained = 0
            while drained < _MAX_DRAINED and (data := await stream.read()):
                drained += len(data)
        stream.close()


async def _read_head(stream: Stream, reader: HeadReader) -> Head:
    while True:
        head = reader.feed(await stream.read(reader.missing))
        if head is not None:
            return head
