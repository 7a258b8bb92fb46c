"""What disturbed which machine, and when: whether a connection that broke has an excuse.

Invariant: a fault of the plan disturbs the machines that it is about from its beginning until a while after its end,
and the end of an actor that carries connections disturbs its machine at that moment. Nothing else does: a crash of a
tunnel, a forward, a name or the registry must break no connection, and a session that ends by itself has no excuse.
"""

from typing import TYPE_CHECKING

import trio

from beam_actors.runtime import Event, ExitKind

if TYPE_CHECKING:
    from simulations.place import Place
    from simulations.stage import Stage

_AFTER = 15.0
"""Seconds after the end of a fault in which its consequences are seen: a silent session is given up after eleven."""
_SETTLED = 90.0
"""Seconds without any disturbance after which every dial has been tried again, however far it had backed off."""
_BOOTED = 3.0
"""The same after the first start of a machine that nothing has disturbed."""
_CARRIERS = (
    "node",
    "node/core",
    "node/core/store",
    "node/core/pump",
    "node/core/services",
    "node/core/services/network",
)
_PEERS = "node/core/services/network/peers"


class Calm:
    """The disturbances of one run."""

    def __init__(self, stage: "Stage") -> None:
        self._stage = stage
        self._last: dict[int, float] = {}
        self._booted: dict[int, float] = {}

    def __repr__(self) -> str:
        return f"<Calm, {len(self._last)} machines disturbed so far>"

    def disturbed(self, *indices: int, after: float = 0.0) -> None:
        """Something happens to these machines; its consequences show for so many seconds more."""
        for index in indices:
            self._last[index] = max(self._last.get(index, 0.0), trio.current_time() + after)

    def fault(self, *indices: int) -> None:
        """A fault of the plan begins or ends there."""
        self.disturbed(*indices, after=_AFTER)

    def booted(self, place: "Place") -> None:
        """Its daemon has started: watch its actors."""
        self._booted.setdefault(place.index, trio.current_time())
        place.node.system.observe(lambda event: self._saw(place.index, event))

    def since(self, when: float, *places: "Place") -> bool:
        """Whether nothing has disturbed these machines since then."""
        return all(self._last.get(place.index, -1.0) < when for place in places)

    @property
    def everywhere(self) -> bool:
        """Whether nothing has disturbed any machine for so long that every way must be open."""
        now = trio.current_time()
        return all(
            now - self._last[place.index] > _SETTLED
            if place.index in self._last
            else now - self._booted.get(place.index, now) > _BOOTED
            for place in self._stage.core
        )

    def _saw(self, index: int, event: Event) -> None:
        carries = event.path in _CARRIERS or event.path.startswith(_PEERS)
        if event.kind == "exited" and carries and event.reason is not None and event.reason.kind is not ExitKind.NORMAL:
            self.disturbed(index)
