"""The first request head of a connection: read within bounds, judged by h11 and by stricter rules, never rewritten.

Invariant: a head passes only if every HTTP implementation reads it alike: one Host, one framing of the body, lines that
end in CRLF. Then its bytes go on exactly as they came. h11 >= 0.16 is strict about chunks but lenient on bare line
feeds and on Content-Length beside Transfer-Encoding, which is what request smuggling lives on. What can be said
in a better sentence than "not HTTP/1.1" is judged before h11 is asked.

Sources: RFC 9112 sections 2.2, 3.2, 5.2, 6.1, 6.3; RFC 9110 section 7.2.
"""

import re
from urllib.parse import urlsplit

import attrs
import h11

from beam_actors.errors import RemoteProtocolError
from beam_actors.ingress.navigation import is_navigation

_END = b"\r\n\r\n"
_LINE = re.compile(rb"([\x21-\x7e]+) ([^\s]+) HTTP/([0-9]\.[0-9])")
_HOST = re.compile(rb"([A-Za-z0-9_.-]{1,254})(?::([0-9]{0,5}))?")
_MAX_PORT = 65535
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_FOLDED = re.compile(rb"\r\n[ \t]")


class BadHead(RemoteProtocolError):
    """A head that is refused; `status` is what HTTP calls the reason."""

    code = "bad-request"

    def __init__(self, message: str, status: int = 400, *, accept: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.accept = accept
        """The client's Accept field if the head could be read so far, so that the refusal suits the client."""
        self.method = ""
        """The method, likewise: a refused HEAD gets no body."""


@attrs.frozen(slots=True)
class Head:
    """A request head that passed."""

    method: str
    target: str
    host: str
    """The host name that the request is for: lower-case, without port, without a dot at its end."""
    accept: str
    """The Accept field, all its lines joined."""
    port: int | None = None
    """The port in Host, as a browser shows it, if there is one."""
    navigates: bool = False
    """Whether a person opened it as a page of its own (`navigation`)."""

    @property
    def wants_html(self) -> bool:
        """Whether a person with a browser is likely to look at the answer."""
        return _accepts_html(self.accept)


class HeadReader:
    """Bytes in until a head is complete; `received` is then all that came, the beginning of a body included."""

    def __init__(self, *, max_bytes: int, max_fields: int) -> None:
        self._buffer = bytearray()
        self._max_bytes = max_bytes
        self._max_fields = max_fields

    def __repr__(self) -> str:
        return f"<HeadReader holding {len(self._buffer)} bytes>"

    @property
    def received(self) -> bytes:
        """Everything that was fed."""
        return bytes(self._buffer)

    @property
    def missing(self) -> int:
        """How many bytes may be fed before the head is too long; feed no more than that at once."""
        return self._max_bytes - len(self._buffer)

    def feed(self, data: bytes) -> Head | None:
        """Take what was read: the head once it is complete, None while it is not.

        Raises:
            BadHead: it is malformed, ambiguous or too long, or the client closed before its end (empty data).
        """
        if not data:
            raise BadHead("The client closed the connection before its request was complete.")
        fresh = max(0, len(self._buffer) - len(_END) + 1)  # a pattern may have begun in what came before
        self._buffer += data
        end = self._buffer.find(_END, fresh)
        if end < 0:
            self._check_lines(self._buffer, fresh)
            if len(self._buffer) >= self._max_bytes:
                raise BadHead(f"The request head is longer than {self._max_bytes} bytes.", 431)
            return None
        if end + len(_END) > self._max_bytes:
            raise BadHead(f"The request head is longer than {self._max_bytes} bytes.", 431)
        return self._parse(bytes(self._buffer[: end + len(_END)]))

    @staticmethod
    def _check_lines(text: bytes | bytearray, start: int = 0) -> None:
        stop = len(text) - text.endswith(b"\r")  # a line feed may be on its way
        if _BARE.search(text, start, stop) or _CONTROL.search(text, start, stop):
            raise BadHead("The request head holds a control character or a line that does not end in CRLF.")
        if _FOLDED.search(text, start, stop):
            raise BadHead("The request head holds a folded line, which RFC 9112 forbids.")

    def _parse(self, raw: bytes) -> Head:
        self._check_lines(raw)
        if raw.count(b"\r\n") - 2 > self._max_fields:
            raise BadHead(f"The request head has more than {self._max_fields} fields.", 431)
        line, *rest = raw[: -len(_END)].split(b"\r\n")
        # The fields as they came: h11 joins equal Content-Lengths into one, and the bytes go on unchanged.
        fields: dict[bytes, list[bytes]] = {}
        for field in rest:
            name, _, value = field.partition(b":")
            fields.setdefault(name.lower(), []).append(value.strip(b" \t"))
        accept = b", ".join(fields.get(b"accept", ())).decode("latin-1")
        words = _LINE.fullmatch(line)
        if words is None:
            raise BadHead("The request head is not HTTP/1.1.", accept=accept)
        method = words[1].decode("ascii")
        try:
            head = _judge(method, words[2].decode("latin-1"), words[3], fields, accept)
            self._check_grammar(raw)
        except BadHead as error:
            error.accept, error.method = accept, method
            raise
        return head

    def _check_grammar(self, raw: bytes) -> None:
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=self._max_bytes)
        try:
            parser.receive_data(raw)
            request = parser.next_event()
        except h11.RemoteProtocolError as error:
            raise BadHead("The request head is not HTTP/1.1.", error.error_status_hint) from error
        if not isinstance(request, h11.Request):
            raise BadHead("There is no request.")


def _judge(method: str, target: str, version: bytes, fields: dict[bytes, list[bytes]], accept: str) -> Head:
    _check_line(method, version)
    _check_framing(fields, version)
    host, port = _only_host(fields.get(b"host", []))
    if not target.startswith("/") and not (target == "*" and method == "OPTIONS"):
        _check_absolute(target, host)
    return Head(method, target, host, accept, port, is_navigation(method, fields))


def _check_line(method: str, version: bytes) -> None:
    if version not in {b"1.1", b"1.0"}:
        raise BadHead("Only HTTP/1.1 and HTTP/1.0 are spoken here.", 505)
    if method == "CONNECT":
        raise BadHead("This is not a proxy.", 405)


def _check_framing(fields: dict[bytes, list[bytes]], version: bytes) -> None:
    """One way to tell where the body ends, and one that each recipient knows (RFC 9112 section 6.3)."""
    lengths, codings = fields.get(b"content-length", []), fields.get(b"transfer-encoding", [])
    if codings and (lengths or version == b"1.0"):
        raise BadHead("The request says the length of its body in two ways.")
    if len(lengths) > 1 or (lengths and not lengths[0].isdigit()):
        raise BadHead("The request has an ambiguous Content-Length.")
    if codings and [coding.lower() for coding in codings] != [b"chunked"]:
        raise BadHead("The request has a Transfer-Encoding other than chunked.", 501)


def _only_host(hosts: list[bytes]) -> tuple[str, int | None]:
    if len(hosts) != 1:
        raise BadHead("The request needs exactly one Host.")
    host = _host_name(hosts[0])
    if host is None:
        raise BadHead("The Host of the request is not a host name.")
    port = hosts[0].partition(b":")[2]
    return host, int(port) if port else None


def _check_absolute(target: str, host: str) -> None:
    """An absolute-form target must be http(s) and for the same host as Host (RFC 9112 section 3.2.2)."""
    try:
        parts = urlsplit(target)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme.lower() not in {"http", "https"} or _host_name(parts.netloc.encode("latin-1")) != host:
        raise BadHead("The target of the request is malformed or for another host.")


def _host_name(value: bytes) -> str | None:
    """The host name in a Host field: no label of it is empty, and the port, if there is one, is one."""
    match = _HOST.fullmatch(value)
    if match is None or int(match[2] or 0) > _MAX_PORT:
        return None
    host = match[1].decode("ascii").lower().removesuffix(".")
    return host if all(host.split(".")) else None


def _accepts_html(accept: str) -> bool:
    return any(part.partition(";")[0].strip().lower() == "text/html" for part in accept.split(","))
