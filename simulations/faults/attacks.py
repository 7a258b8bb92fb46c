"""Hostile nodes that go for the machines of the plan."""

from typing import TYPE_CHECKING, ClassVar

import attrs

from simulations import ranges
from simulations.faults.base import Fault
from simulations.hostile import KINDS

if TYPE_CHECKING:
    from simulations.stage import Stage


@attrs.frozen(slots=True, kw_only=True)
class Attack(Fault):
    """One attacker, on a machine of its own. It stays beyond the heal, until names and tunnels were found to work."""

    disturbs: ClassVar[bool] = False
    """Connections of honest machines go on."""
    kind: str = attrs.field(validator=ranges.one_of(KINDS))
    """Its word in `simulations.hostile`."""
    victims: tuple[int, ...] = ()
    """Whom it goes for; without any, for all."""
    introduced: tuple[int, ...] = ()
    """Whose persons are talked into keeping it as a peer, or, an impostor, into taking it for another machine."""

    def machines(self) -> tuple[int, ...]:
        """See `Fault`."""
        return self.victims + self.introduced

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`: nothing is undone here, since honest nodes must bear it while they heal."""
        await stage.nursery.start(stage.gang.run, self)
