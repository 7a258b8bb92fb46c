"""Why an actor ended, and the message that tells others of it."""

import enum
from typing import Any, Final

import attrs

LONGEST_REASON: Final = 1000
"""Characters of why an actor ended, in the tree and in an error that quotes it."""


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
            parts.append(describe(self.error))
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


def words(error: BaseException) -> str:
    """What an error says: bounded, since errors of a chain quote each other, and whatever its `__str__` does."""
    try:
        return cut(str(error), LONGEST_REASON)
    except Exception:  # noqa: BLE001 (an exit must not be lost to the words for it)
        return ""


def describe(error: BaseException) -> str:
    """An error's type and words."""
    return f"{type(error).__name__}: {words(error)}".rstrip(": ")


def cut(text: str, length: int) -> str:
    """The text, or its beginning."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def sentence(text: object) -> str:
    """The text with a full stop, unless it has its own."""
    told = str(text)
    return told if told.endswith((".", "!", "?", "…")) else f"{told}."


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
