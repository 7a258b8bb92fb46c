"""What a supervisor knows of a child before it exists."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import attrs

from beam_actors.runtime import checks
from beam_actors.runtime.exits import ExitReason
from beam_actors.runtime.restarts import Backoff, Decision, Decisions, Restart, decide

_NONE: Decisions = MappingProxyType({})


def _frozen(decisions: Decisions) -> Decisions:
    return MappingProxyType(dict(decisions)) if decisions else _NONE


@attrs.frozen(slots=True)
class ChildSpec:
    """How to make a child and what to do when it ends.

    `factory()` returns a new actor; it is called inside the child's own task, once for each incarnation. `shutdown`
    is how many seconds an ordered stop may take before the child is cancelled. A `significant` child's own end, when
    it is not restarted, ends its supervisor too, by that one's `auto_shutdown`; a permanent child can't be significant,
    since it has no such end. `decisions` says, by the type of the error, that a crash is the end
    for good (`STOP`) or the supervisor's own crash (`ESCALATE`), whatever `restart` says.
    """

    name: str = attrs.field()
    factory: Callable[[], Any]
    restart: Restart = attrs.field(default=Restart.PERMANENT, kw_only=True)
    shutdown: float = attrs.field(default=5.0, kw_only=True)
    significant: bool = attrs.field(default=False, kw_only=True)
    backoff: Backoff = attrs.field(default=Backoff(), kw_only=True)
    decisions: Decisions = attrs.field(default=_NONE, kw_only=True, converter=_frozen, hash=False)

    @name.validator
    def _check(self, _attribute: object, value: str) -> None:
        checks.kind("A child's name", value, str)
        if not value or "/" in value or "#" in value:
            raise ValueError(f"{value!r} cannot be a child's name: it is one part of a path.")

    @decisions.validator
    def _check_decisions(self, _attribute: object, value: dict[Any, Any]) -> None:
        for error, decision in value.items():
            if not (isinstance(error, type) and issubclass(error, BaseException) and isinstance(decision, Decision)):
                raise TypeError(f"{error!r}: {decision!r} is no decision: it is made by an exception's class.")

    def __attrs_post_init__(self) -> None:
        if self.significant and self.restart is Restart.PERMANENT:
            raise ValueError(f"{self.name}: a permanent child can't be significant; make it transient or temporary.")

    def decide(self, reason: ExitReason) -> Decision:
        """What an end of the child that nobody asked for leads to."""
        return decide(self.restart, self.decisions, reason)
