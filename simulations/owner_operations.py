"""What owners do by their recovery phrase: open an era, hand a name over, end for good.

Invariant: that of `operations`; where the daemon must not run for it (`stops`), it is stopped and started again.
"""

from typing import TYPE_CHECKING, ClassVar

import attrs

from beam_actors.errors import NameNotFound
from beam_actors.identity import REVOCATION_ERA
from beam_actors.naming import Claim
from beam_actors.values import Name
from simulations import owning, ranges
from simulations.operations import Operation

if TYPE_CHECKING:
    from simulations.place import Place
    from simulations.stage import Stage


@attrs.frozen(slots=True, kw_only=True)
class Rotate(Operation):
    """Open the owner's next era on the machine: the key before is worth nothing from then on."""

    stops: ClassVar[bool] = True

    async def run(self, stage: "Stage", place: "Place") -> str:
        """See `Operation`."""
        with stage.model.lineage.opening_era(place.person) as opened:
            opened(await owning.open_era(place.machine))
        return "done"


@attrs.frozen(slots=True, kw_only=True)
class Transfer(Operation):
    """Hand a name over to the owner of another machine, who then may register it; it opens an era, as `rotate` does."""

    stops: ClassVar[bool] = True
    name: str = attrs.field(validator=ranges.name)
    to: int
    """The heir's machine."""

    def machines(self) -> tuple[int, ...]:
        """See `Operation`."""
        return self.machine, self.to

    async def run(self, stage: "Stage", place: "Place") -> str:
        """See `Operation`."""
        person, heir = place.person, stage.places[self.to].person.owner
        if heir is None or heir == person.owner:
            return "there is no heir"
        lineage = stage.model.lineage
        with lineage.handing_over(person, self.name, heir) as wish, lineage.opening_era(person) as opened:
            try:
                era = await owning.transfer(place.machine, Name(self.name), heir)
            except NameNotFound:
                wish.refused()
                stage.invariants.not_held(place, self.name)
                raise
            opened(era)
            lineage.handed(person, self.name, era)
            wish.done()
        return "done"


@attrs.frozen(slots=True, kw_only=True)
class Revoke(Operation):
    """End the owner of a machine for good, by the daemon of this one."""

    of: int
    """Where the owner sits."""

    def machines(self) -> tuple[int, ...]:
        """See `Operation`."""
        return self.machine, self.of

    async def run(self, stage: "Stage", place: "Place") -> str:
        """See `Operation`."""
        whose = stage.places[self.of]
        if whose.person.owner is None:
            return "there is no owner"
        key = owning.chain_of(whose.machine).era_key(REVOCATION_ERA)
        with stage.model.lineage.revoking(whose.person) as revoked:
            await place.node.naming.revoke(Claim.revoke(stage.network_id, key).encoded)
            revoked()
        return "done"


KINDS = (Rotate, Transfer, Revoke)
