"""Fuzz entry points of the control API's parsers: any bytes lead to an answer or an end, never to another exception."""

from beam_actors.control.fields import Fields, write_error
from beam_actors.control.http import Ended, HttpConversation, Refusal, Request
from beam_actors.control.limits import ControlLimits
from beam_actors.control.routes import read_expose
from beam_actors.errors import UsageError

LIMITS = ControlLimits(head_bytes=512, body_bytes=256)


def fuzz_http(data: bytes) -> None:
    """Bytes on the control socket, in two pieces, then the end; each request is answered."""
    http = HttpConversation(LIMITS)
    middle = len(data) // 2
    for piece in (data[:middle], data[middle:], b""):
        http.receive(piece)
        while (event := http.next_event()) is not None:
            if isinstance(event, Ended):
                return
            if isinstance(event, Refusal):
                answer = http.reply(event.status, write_error(event.code, event.message, 1))
                assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
                assert http.next_event() is Ended.ENDED
                return
            assert isinstance(event, Request)
            assert len(event.body) <= LIMITS.body_bytes
            assert http.reply(200, b"{}").startswith(b"HTTP/1.1 200")
            if not http.reusable:
                return
            http.next_cycle()


def fuzz_fields(data: bytes) -> None:
    """A request's body, read as the richest request there is."""
    try:
        request = read_expose(Fields(data), foreground=False)
    except UsageError:
        return
    assert request.target.port > 0
