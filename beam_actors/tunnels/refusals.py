"""No, in words: how an owner's daemon says it on a stream, and which error it becomes at the visitor.

The invariant: a visitor that reads has the whole answer, whatever it sent behind its request, and one that doesn't
costs a bounded time. It decides nothing: who is refused, and how many at once, stands where the requests are counted.
"""

import trio

from beam_actors.errors import (
    BeamError,
    NetworkError,
    ResourceExhausted,
    TargetDown,
    TimedOut,
    TunnelNotFound,
    TunnelRefused,
)
from beam_actors.flow import Stream
from beam_actors.tunnels.protocol import Answer, Status, encode_answer

_MAX_DROPPED = 1 << 18
"""Bytes behind a refused request that are dropped before the stream is cut: a new stream's whole window."""

_ERRORS: dict[Status, type[BeamError]] = {
    Status.REFUSED: TunnelRefused,
    Status.NOT_FOUND: TunnelNotFound,
    Status.TARGET_DOWN: TargetDown,
    Status.TIMED_OUT: TimedOut,
    Status.BUSY: ResourceExhausted,
    Status.UNSUPPORTED: TunnelRefused,
    Status.FAILED: TargetDown,
}
_WORDS = {
    Status.REFUSED: "its owner does not let this peer use it",
    Status.NOT_FOUND: "nothing is offered there",
    Status.TARGET_DOWN: "nothing listens on the port that it leads to",
    Status.TIMED_OUT: "the service that it leads to did not answer",
    Status.BUSY: "its owner's daemon has too many connections open or waiting; try again in a moment",
    Status.UNSUPPORTED: "its owner's daemon speaks another version",
    Status.FAILED: "its owner's daemon failed",
}
_BUSY_BUT_NOT_FULL = "its owner's daemon can't take it now; try again in a moment"
"""Instead, when the answer itself says why."""


def refusal(answer: Answer, what: str) -> BeamError:
    """The error at the visitor that an answer stands for."""
    because = answer.status is Status.BUSY and answer.message
    words = f"{what}: {_BUSY_BUT_NOT_FULL if because else _WORDS[answer.status]}"
    return _ERRORS[answer.status](f"{words} ({answer.message})." if answer.message else f"{words}.")


async def refuse(stream: Stream, answer: Answer, *, seconds: float) -> None:
    """Send a refusal and end the stream; a visitor that is gone, or isn't done with it in time, is reset.

    The first bytes of the tunnel may be under way already, right behind the request. They are read and dropped: a
    stream that is closed upon unread bytes is reset, and a reset would overtake the answer.
    """
    try:
        with trio.fail_after(seconds):
            await stream.write(encode_answer(answer))
            await stream.shutdown()
            dropped = 0
            while dropped < _MAX_DROPPED and (data := await stream.read()):
                dropped += len(data)
            stream.close()
    except (NetworkError, trio.TooSlowError):
        stream.abort()
