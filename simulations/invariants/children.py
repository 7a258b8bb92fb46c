"""What the spec of a child says, read a second time: docs/supervision.md, taken literally. Judges nothing."""

from typing import TYPE_CHECKING, Any

from beam_actors.runtime import ExitKind, ExitReason
from beam_actors.runtime.cell import Cell
from beam_actors.runtime.restarts import Decision, Restart

if TYPE_CHECKING:
    from beam_actors.runtime.specs import ChildSpec


def entry_of(parent: Cell | None, child: Cell | None) -> "tuple[ChildSpec, bool] | None":
    """The spec of a child, and whether its supervisor is stopping it; None when it is not on the books."""
    if parent is None or parent.actor is None or child is None:
        return None
    entry: Any = parent.actor._actor_children._entries.get(child)  # noqa: SLF001 (like `inside`)
    return None if entry is None else (entry.spec, entry.stopping)


def returns(spec: "ChildSpec", reason: ExitReason) -> bool:
    """Whether a child that ended by itself is started again: docs/supervision.md, taken literally."""
    if reason.kind is ExitKind.CRASHED:
        for kind in type(reason.error).__mro__:
            if kind in spec.decisions:
                if spec.decisions[kind] is not Decision.RESTART:
                    return False
                break
    if spec.restart is Restart.PERMANENT:
        return reason.kind is not ExitKind.SHUTDOWN
    return spec.restart is Restart.TRANSIENT and reason.kind in {ExitKind.CRASHED, ExitKind.KILLED}
