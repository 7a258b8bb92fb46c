"""The control API's HTTP/1.1, sans-IO: bytes in, whole requests or refusals out, replies as bytes.

Owns the rule of who may speak here (reliability of local APIs; Tailscale's LocalAPI is the model): the Host is exactly
`beam`, and a request that a browser made (Origin, Referer) is refused before it is looked at. Sizes are checked before
anything is decoded. Knows no routes and no JSON meaning. Source: RFC 9112, parsed by h11.
"""

import enum
from collections.abc import Iterable
from http import HTTPStatus

import attrs
import h11

from beam_actors.control.limits import ControlLimits
from beam_actors.errors import LocalProtocolError

HOST = b"beam"
_FORBIDDEN = frozenset({b"origin", b"referer"})
_JSON = b"application/json"
_NDJSON = b"application/x-ndjson"


@attrs.frozen(slots=True)
class Request:
    """One complete request. `path` has no query: this API takes its arguments as JSON."""

    method: str
    path: str
    body: bytes


@attrs.frozen(slots=True)
class Refusal:
    """The bytes are not a request that this API serves: answer `status` with the sentence and close."""

    status: int
    code: str
    message: str


class Ended(enum.Enum):
    """The client ended its side between two requests."""

    ENDED = enum.auto()


class HttpConversation:
    """The server's side of one connection.

    `receive` and `next_event` until an event comes, answer it with `reply` or `begin_stream`/`line`/`end_stream`,
    and go on while `reusable`.
    """

    def __init__(self, limits: ControlLimits) -> None:
        self._limits = limits
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_bytes)
        self._head: h11.Request | None = None
        self._body = bytearray()
        self._refused = False
        self._received_any = False
        self._received = 0  # bytes since the present request began
        self._bodiless = False

    def __repr__(self) -> str:
        return f"HttpConversation({self._h11.their_state}, {self._h11.our_state})"

    @property
    def midway(self) -> bool:
        """Whether a request has begun and is not complete."""
        return self._head is not None or self._received_any

    @property
    def reusable(self) -> bool:
        """Whether another request may follow the answer just given."""
        return not self._refused and self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE

    def receive(self, data: bytes) -> None:
        """Take bytes from the client; b"" is its clean end. What cannot be held is refused by the next event."""
        if self._refused:
            return
        self._h11.receive_data(data)
        self._received_any = self._received_any or bool(data)
        self._received += len(data)

    def next_event(self) -> Request | Refusal | Ended | None:
        """The next complete request, a refusal, the end, or None when more bytes are needed."""
        if self._refused:
            return Ended.ENDED
        try:
            return self._advance()
        except h11.RemoteProtocolError as error:
            return self._refuse(error.error_status_hint, "bad-request", "This is not HTTP/1.1.")

    def _advance(self) -> Request | Refusal | Ended | None:
        while True:
            event = self._h11.next_event()
            match event:
                case h11.Request():
                    refusal = self._check_head(event)
                    if refusal is not None:
                        return refusal
                    self._head = event
                case h11.Data():
                    self._body += event.data
                    if len(self._body) > self._limits.body_bytes:
                        return self._too_large()
                case h11.EndOfMessage():
                    return self._complete()
                case h11.ConnectionClosed():
                    return Ended.ENDED
                case _:  # NEED_DATA, or PAUSED: the answer to the present request comes first
                    return None

    def _check_head(self, head: h11.Request) -> Refusal | None:
        # RFC 9110 section 9.3.2: the head alone is answered, also by a refusal.
        self._bodiless = head.method == b"HEAD"
        # h11 bounds only a head that is not complete yet, and one may be complete in a single read.
        if self._received - len(self._h11.trailing_data[0]) > self._limits.head_bytes:
            return self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "usage", "The request's head is too long.")
        names = {name for name, _ in head.headers}
        if names & _FORBIDDEN:
            return self._refuse(HTTPStatus.FORBIDDEN, "not-allowed", "Web pages may not use the control API.")
        hosts = [value for name, value in head.headers if name == b"host"]
        if hosts != [HOST]:
            return self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "not-allowed", "The Host must be 'beam'.")
        for name, value in head.headers:
            if name == b"content-length" and int(value) > self._limits.body_bytes:
                return self._too_large()
        return None

    def _too_large(self) -> Refusal:
        return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "usage", "The request is too large.")

    def _refuse(self, status: int, code: str, message: str) -> Refusal:
        self._refused = True
        self._body.clear()
        return Refusal(int(status), code, message)

    def _complete(self) -> Request:
        head, self._head = self._head, None
        self._received_any = False
        body = bytes(self._body)
        self._body.clear()
        if head is None:
            raise LocalProtocolError("A request ended that had not begun.")
        path = head.target.decode("ascii", "replace").partition("?")[0]
        return Request(head.method.decode("ascii", "replace"), path, body)

    def next_cycle(self) -> None:
        """Make ready for the next request; permitted when `reusable`."""
        self._h11.start_next_cycle()
        # h11 holds pipelined bytes back; they count as a request that has begun.
        self._received = len(self._h11.trailing_data[0])
        self._received_any = self._received > 0

    def reply(self, status: int, body: bytes) -> bytes:
        """The whole answer; after a refusal it announces the close, and is b"" when it is too late for one."""
        if self._refused and self._h11.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return b""
        headers = [(b"content-type", _JSON), (b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store")]
        data = [] if self._bodiless else [h11.Data(data=body)]
        return self._emit(self._head_of(status, headers), *data, h11.EndOfMessage())

    def begin_stream(self, status: int = HTTPStatus.OK) -> bytes:
        """The head of an answer of lines (NDJSON), which ends the connection when it ends."""
        headers = [(b"content-type", _NDJSON), (b"cache-control", b"no-store"), (b"connection", b"close")]
        return self._emit(self._head_of(status, headers))

    def line(self, body: bytes) -> bytes:
        """One line of a streamed answer."""
        return self._emit(h11.Data(data=body + b"\n"))

    def end_stream(self) -> bytes:
        """The end of a streamed answer."""
        return self._emit(h11.EndOfMessage())

    def _head_of(self, status: int, headers: list[tuple[bytes, bytes]]) -> h11.Response:
        if self._refused:
            headers = [*headers, (b"connection", b"close")]
        return h11.Response(status_code=int(status), headers=headers, reason=HTTPStatus(status).phrase.encode())

    def _emit(self, *events: h11.Event) -> bytes:
        return b"".join(_pieces(self._h11, events))


def _pieces(connection: h11.Connection, events: Iterable[h11.Event]) -> Iterable[bytes]:
    for event in events:
        try:
            yield connection.send(event) or b""
        except h11.LocalProtocolError as error:
            raise LocalProtocolError(f"An answer out of turn: {error}.") from error
