"""What a supervisor knows of a child before it exists."""

from collections.abc import Callable
from typing import Any

import attrs

from beam_actors.runtime.restarts import Backoff, Restart


@attrs.frozen(slots=True)
class ChildSpec:
    """How to make a child and what to do when it ends.

    `factory()` returns a new actor; it is called inside the child's own task, once for each incarnation. `shutdown`
    is how many seconds an ordered stop may take before the child is cancelled. A `significant` child's own end, when
    it is not restarted, ends its supervisor too.
    """

    name: str = attrs.field()
    factory: Callable[[], Any]
    restart: Restart = attrs.field(default=Restart.PERMANENT, kw_only=True)
    shutdown: float = attrs.field(default=5.0, kw_only=True)
    significant: bool = attrs.field(default=False, kw_only=True)
    backoff: Backoff = attrs.field(default=Backoff(), kw_only=True)

    @name.validator
    def _check(self, _attribute: object, value: str) -> None:
        if not value or "/" in value or "#" in value:
            raise ValueError(f"{value!r} cannot be a child's name: it is one part of a path.")
