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
    def _check(self, _attribute: object, value: Any) -> None:
        if not isinstance(value, str):
            checks.kind("A child's name", value, str)
        if not value or "/" in value or "#" in value:
            raise ValueError(f"{value!r} cannot be a child's name: it is one part of a path.")

    @decisions.validator
    def _check_decisions(self, _attribute: object, value: dict[Any, Any]) -> None:
        for error, decision in value.items():
            if not (isinstance(error, type) and issubclass(error, BaseException) and isinstance(decision, Decision)):
                raise TypeError(f"{error!r}: {decision!r} is no decision: it is made by an exception's class.")

    def __attrs_post_init__(self) -> None:
        # A pool makes a spec for each start, so the words for what is wrong are made only then.
        factory: Any = self.factory
        usual = type(self.restart) is Restart and type(self.backoff) is Backoff and type(self.shutdown) is float
        if not (usual and callable(factory) and self.shutdown >= 0):
            self._look_closer()
        if self.significant and self.restart is Restart.PERMANENT:
            raise ValueError(f"{self.name}: a permanent child can't be significant; make it transient or temporary.")

    def _look_closer(self) -> None:
        if not callable(self.factory):
            raise TypeError(f"{self.name}: a factory is called to make the actor; {self.factory!r} can't be.")
        checks.kind(f"{self.name}: restart", self.restart, Restart)
        checks.kind(f"{self.name}: backoff", self.backoff, Backoff)
        checks.amount(f"{self.name}: shutdown", self.shutdown)

    def decide(self, reason: ExitReason) -> Decision:
        """What an end of the child that nobody asked for leads to."""
        return decide(self.restart, self.decisions, reason)
