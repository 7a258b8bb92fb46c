"""What the spec of a child says, read a second time: docs/supervision.md, taken literally. Judges nothing."""

from typing import TYPE_CHECKING

from beam_actors.errors import StartFailed
from beam_actors.runtime import ExitKind, ExitReason
from beam_actors.runtime.restarts import Decision, Restart

if TYPE_CHECKING:
    from beam_actors.runtime.specs import ChildSpec


def returns(spec: "ChildSpec", reason: ExitReason) -> bool:
    """Whether a child that ended by itself is started again: docs/supervision.md, taken literally."""
    if reason.kind is ExitKind.CRASHED:
        error = reason.error
        while isinstance(error, StartFailed) and error.__cause__ is not None:
            error = error.__cause__
        for kind in type(error).__mro__:
            if kind in spec.decisions:
                if spec.decisions[kind] is not Decision.RESTART:
                    return False
                break
    if spec.restart is Restart.PERMANENT:
        return reason.kind is not ExitKind.SHUTDOWN
    return spec.restart is Restart.TRANSIENT and reason.kind in {ExitKind.CRASHED, ExitKind.KILLED}
