"""One connection to the control API, from its first byte to its last: who asks, what, for how long, and the answer.

The invariant: only this user's own programs are heard; every wait has a deadline; every request is answered by a
result or by an error in a sentence, and an error of the node never ends the API. Foreground tunnels and traces are
held here for as long as their connection lives (see `sharing`, `tracing`). It knows no actor: `control.actor` runs one
`serve` per connection.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import attrs
import structlog
import trio

from beam_actors.control.api import NodeApi
from beam_actors.control.fields import Fields, status_of, write_error, write_reply
from beam_actors.control.http import Ended, HttpConversation, Refusal, Request
from beam_actors.control.limits import ControlLimits
from beam_actors.control.routes import SHARE, TRACE, find_route, read_expose, read_trace
from beam_actors.control.sharing import Send, Shares
from beam_actors.control.tracing import stream_trace
from beam_actors.errors import BeamError, NetworkError, TimedOut
from beam_actors.ports import PeerCredentials

_READ = 64 * 1024
_EXPOSE_SECONDS = 30.0
_log = structlog.get_logger()
UntilGone = Callable[[], Awaitable[None]]
Stream = Callable[[Send, UntilGone], Awaitable[None]]
"""Sends the lines of an answer; its first act is to send one. It lets go of what it holds however it ends."""
Begin = Callable[[Fields], Awaitable[Stream]]
"""Does what a request asks for, or raises, before any line is sent."""


class Connection(Protocol):
    """What is needed of a stream (`flow.Stream` is one)."""

    @property
    def credentials(self) -> PeerCredentials | None:
        """The process at the other end."""
        ...

    async def read(self, limit: int) -> bytes:
        """1 to `limit` bytes, or b"" at the clean end."""
        ...

    async def write(self, data: bytes) -> None:
        """Return when all was taken."""
        ...

    def close(self) -> None:
        """End it, delivering what was written."""
        ...

    def abort(self) -> None:
        """End it at once."""
        ...


@attrs.define(slots=True)
class Statistics:
    """Counters since this incarnation began."""

    requests: int = 0
    refused: int = 0
    """Requests that were refused before they were routed: a browser's, a wrong Host, not HTTP, too large."""
    strangers: int = 0
    """Connections of another user."""
    failed: int = 0
    """Requests that ended in an error which nobody foresaw."""


class Service:
    """What all connections share."""

    def __init__(self, api: NodeApi, *, uid: int, limits: ControlLimits, shares: Shares) -> None:
        self.statistics = Statistics()
        self._api = api
        self._uid = uid
        self._limits = limits
        self._shares = shares
        self._streams: dict[str, Begin] = {SHARE: self._share, TRACE: self._trace}

    def __repr__(self) -> str:
        return f"Service({self.statistics})"

    async def serve(self, connection: Connection) -> None:
        """Answer requests until the client ends, is silent for too long, or misbehaves. Raises nothing but bugs."""
        try:
            if self._is_stranger(connection.credentials):
                self.statistics.strangers += 1
                _log.warning("a stranger on the control socket", credentials=repr(connection.credentials))
                return
            await self._converse(connection, HttpConversation(self._limits))
        except NetworkError:
            return  # the client went away, or stopped reading
        except trio.Cancelled:
            connection.abort()
            raise
        finally:
            connection.close()

    def _is_stranger(self, credentials: PeerCredentials | None) -> bool:
        return credentials is None or credentials.uid != self._uid

    async def _converse(self, connection: Connection, http: HttpConversation) -> None:
        while True:
            event = await self._next_event(connection, http)
            match event:
                case Refusal():
                    self.statistics.refused += 1
                    await self._write(connection, http.reply(event.status, write_error(event.code, event.message, 1)))
                    return
                case Request(method="POST", path=path) if path in self._streams:
                    self.statistics.requests += 1
                    await self._stream(connection, http, event, self._streams[path])
                    return
                case Request():
                    self.statistics.requests += 1
                    status, body = await self._answer(event)
                    await self._write(connection, http.reply(status, body))
                case _:
                    return
            if not http.reusable:
                return
            http.next_cycle()

    async def _next_event(self, connection: Connection, http: HttpConversation) -> Request | Refusal | Ended | None:
        """The next event, or None when the client took too long."""
        deadline: float | None = None
        while True:
            event = http.next_event()
            if event is not None:
                return event
            if http.midway and deadline is None:
                deadline = trio.current_time() + self._limits.request_seconds
            limit = trio.current_time() + self._limits.idle_seconds if deadline is None else deadline
            with trio.CancelScope(deadline=limit) as scope:
                http.receive(await connection.read(_READ))
            if scope.cancelled_caught:
                return None

    async def _answer(self, request: Request) -> tuple[int, bytes]:
        try:
            route = find_route(request.method, request.path)
            with _deadline(route.timeout):
                content = await route.handler(self._api, Fields(request.body))
        except Exception as error:  # noqa: BLE001 (an error of the node must not end its API; it is logged)
            return self._explain(request, error)
        return 200, write_reply(content)

    def _explain(self, request: Request, error: Exception) -> tuple[int, bytes]:
        """The status and body for an error; what nobody foresaw is logged and must not end the API."""
        if isinstance(error, BeamError):
            return status_of(error), write_error(error.code, str(error) or type(error).__name__, error.exit_code)
        self.statistics.failed += 1
        _log.error("a control request failed", path=request.path[:80], exc_info=error)
        return 500, write_error("internal-error", f"The daemon failed ({type(error).__name__}); see `beam logs`.", 1)

    async def _write(self, connection: Connection, data: bytes) -> None:
        with trio.move_on_after(self._limits.write_seconds) as scope:
            await connection.write(data)
        if scope.cancelled_caught:
            raise NetworkError("The client stopped reading.")

    async def _stream(self, connection: Connection, http: HttpConversation, request: Request, begin: Begin) -> None:
        try:
            with _deadline(_EXPOSE_SECONDS):
                stream = await begin(Fields(request.body))
        except Exception as error:  # noqa: BLE001 (as in `_answer`)
            code, body = self._explain(request, error)
            await self._write(connection, http.reply(code, body))
            return
        head = [http.begin_stream()]

        async def send(content: Mapping[str, Any]) -> None:
            start = head.pop() if head else b""
            await self._write(connection, start + http.line(write_reply(content)))

        async def until_gone() -> None:
            while await connection.read(_READ):
                pass  # a client that talks on is not listened to

        await stream(send, until_gone)
        await self._write(connection, http.end_stream())

    async def _share(self, fields: Fields) -> Stream:
        wanted = read_expose(fields, foreground=True)
        identity, status = await self._api.id(), await self._api.status()
        tunnel = await self._api.expose(wanted)
        up = {"event": "up", "peer_id": identity.peer_id, "peers": status.peers, "tunnel": attrs.asdict(tunnel)}

        async def stream(send: Send, until_gone: UntilGone) -> None:
            await self._shares.watch(tunnel, send=send, until_gone=until_gone, first=up)

        return stream

    async def _trace(self, fields: Fields) -> Stream:
        request = read_trace(fields)
        feed = await self._api.trace(request)

        async def stream(send: Send, until_gone: UntilGone) -> None:
            beat = self._limits.beat_seconds
            await stream_trace(feed, request, send=send, until_gone=until_gone, beat=beat)

        return stream


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """`trio.fail_after` that raises this package's `TimedOut`."""
    with trio.move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise TimedOut(f"The daemon did not finish this within {seconds:g} seconds; `beam logs` may say why.")
