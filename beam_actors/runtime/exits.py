"""Why an actor ended, and the message that tells others of it."""

import enum
from typing import Any

import attrs


class ExitKind(enum.Enum):
    """How an incarnation ended."""

    NORMAL = "normal"
    """It had done its work, or what it served went away (a lost connection): never counted, never escalated."""
    SHUTDOWN = "shutdown"
    """Its supervisor stopped it."""
    CRASHED = "crashed"
    """Its code, a worker of it, or a child that it could not restart, raised."""
    KILLED = "killed"
    """It did not stop within its time and was cancelled."""


@attrs.frozen(slots=True)
class ExitReason:
    """The kind of an exit, with the error of a crash and a word for people."""

    kind: ExitKind
    error: BaseException | None = None
    detail: str = ""

    @property
    def abnormal(self) -> bool:
        """Whether a transient child would be restarted after it."""
        return self.kind in {ExitKind.CRASHED, ExitKind.KILLED}

    def __str__(self) -> str:
        parts = [self.kind.value]
        if self.error is not None:
            parts.append(f"{type(self.error).__name__}: {self.error}".rstrip(": "))
        if self.detail:
            parts.append(self.detail)
        return "; ".join(parts)


NORMAL = ExitReason(ExitKind.NORMAL)
SHUTDOWN = ExitReason(ExitKind.SHUTDOWN)


def crashed(error: BaseException) -> ExitReason:
    """The exit of an actor whose code raised `error`."""
    return ExitReason(ExitKind.CRASHED, error)


def unwrap(error: BaseException) -> BaseException:
    """The one error inside nested groups of one, for people to read."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


@attrs.frozen(slots=True)
class Down:
    """To a monitor, or to a linked actor that traps exits: one incarnation of `ref` ended.

    Incarnation 0: there was none when the monitor or the link was set.
    """

    ref: Any
    path: str
    incarnation: int
    reason: ExitReason
    linked: bool = False
    """Whether a link brought it."""
