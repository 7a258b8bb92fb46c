"""What people do in browsers on their machines, through the HTTPS server of their daemon, and what pages do there.

A page is served by the machine's program (`traffic`) and says which machine that is, so it is known whose it came
from. Invariant: only what a person opened (`Way.TYPED`) is noted as opened; a request whose answer was lost may have
led anywhere.
"""

import enum
from typing import TYPE_CHECKING

import trio

from beam_actors.errors import NetworkError, RemoteProtocolError
from beam_actors.values import OwnerId
from simulations.traffic import WELCOME

if TYPE_CHECKING:
    from beam_actors.flow import Stream
    from simulations.place import Place
    from simulations.stage import Stage

HTTPS = 443
"""The port of a name that pages are asked of."""
_PATIENCE = 30.0
"""Seconds; a browser waits longer, the server never."""
_LONGEST = 1 << 16
_GET = b"GET "
_LINGER = 2.0
"""Seconds for which the service reads on when it has shown its page, so that the browser is the one who closes."""


class Way(enum.StrEnum):
    """Why a browser asks for something: W3C Fetch Metadata, which no page can write."""

    TYPED = "typed"
    """A person typed the address."""
    LINK = "link"
    """A person clicked on a page of another site."""
    IMAGE = "image"
    """A page of another site shows it."""
    FRAME = "frame"
    """A person clicked within a frame, on a page of another site."""
    SCRIPT = "script"
    """A script of another site led there."""
    PREFETCH = "prefetch"
    """The browser fetches ahead what a person begins to type."""
    PROGRAM = "program"
    """It is no browser."""


_FIELDS: dict[Way, dict[str, str]] = {
    Way.TYPED: {"Site": "none", "Mode": "navigate", "Dest": "document", "User": "?1"},
    Way.LINK: {"Site": "cross-site", "Mode": "navigate", "Dest": "document", "User": "?1"},
    Way.IMAGE: {"Site": "cross-site", "Mode": "no-cors", "Dest": "image"},
    Way.FRAME: {"Site": "same-origin", "Mode": "navigate", "Dest": "iframe", "User": "?1"},
    Way.SCRIPT: {"Site": "cross-site", "Mode": "navigate", "Dest": "document"},
    Way.PREFETCH: {"Site": "none", "Mode": "navigate", "Dest": "document", "User": "?1"},
    Way.PROGRAM: {},
}


class Browsing:
    """All browsers of one run."""

    def __init__(self, stage: "Stage") -> None:
        self._stage = stage
        self._opened: dict[tuple[int, str], set[OwnerId]] = {}
        self._lost: set[tuple[int, str]] = set()

    def __repr__(self) -> str:
        return f"<Browsing, {len(self._opened)} names opened>"

    def opened(self, place: "Place", name: str) -> set[OwnerId] | None:
        """Of whose machines a person there was shown the name, by its address; None if nobody opened it."""
        return self._opened.get((place.index, name))

    def may_have_led_anywhere(self, place: "Place", name: str) -> bool:
        """Whether one such answer was lost."""
        return (place.index, name) in self._lost

    async def ask(self, place: "Place", name: str, way: Way) -> tuple[str, "Place | None"]:
        """Ask for a page of a name: a word on what came of it, and which machine served it, if one did."""
        key = place.index, name
        if way is Way.TYPED:
            self._opened.setdefault(key, set())
            lost = key in self._lost
            self._lost.add(key)
        bound = await place.node.ingress.bound()
        if bound.https is None:
            raise ValueError(f"{place.name} has no HTTPS server.")
        answer = b""
        with trio.move_on_after(_PATIENCE):
            try:
                stream = await place.program.connect_tls(bound.https, f"{name}.local")
                answer = await _ask(stream, _request(name, way))
            except (NetworkError, RemoteProtocolError):
                return "cut", None
        if not answer:
            return "timed out", None
        by = self._served_by(answer)
        if way is Way.TYPED and not lost:  # a page of the daemon's own says that it led nowhere
            self._lost.discard(key)
        if by is None:
            return answer[9:12].decode("ascii", "replace"), None
        if way is Way.TYPED:
            self._opened[key].update(by.owners[-1:])
        return "done", by

    # --- the page -----------------------------------------------------------------------------------------------------

    def is_asked(self, head: bytes) -> bool:
        """Whether what a service was sent begins as a browser's request."""
        return head.startswith(_GET)

    async def show(self, stream: "Stream", machine: int) -> None:
        """The page of a machine, which has said its welcome: which machine this is."""
        body = str(machine).encode()
        await stream.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await stream.shutdown()
        with trio.move_on_after(_LINGER):
            while await stream.read():  # the rest of the request
                pass

    def _served_by(self, answer: bytes) -> "Place | None":
        if not answer.startswith(WELCOME):
            return None
        return self._stage.places[int(answer.rpartition(b"\r\n\r\n")[2])]


def _request(name: str, way: Way) -> bytes:
    lines = [f"GET /{way.value} HTTP/1.1", f"Host: {name}.local", "Accept: text/html"]
    lines += [f"Sec-Fetch-{field}: {value}" for field, value in _FIELDS[way].items()]
    if way is Way.PREFETCH:
        lines.append("Sec-Purpose: prefetch")
    return "\r\n".join([*lines, "", ""]).encode()


async def _ask(stream: "Stream", request: bytes) -> bytes:
    answer = b""
    try:
        await stream.write(request)
        while len(answer) < _LONGEST and (data := await stream.read()):
            answer += data
    except BaseException:
        stream.abort()
        raise
    stream.close()
    return answer
