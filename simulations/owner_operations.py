"""What owners do by their recovery phrase: open an era, hand a name over, end for good, sit down at one more machine.

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
            opened(await owning.open_era(place.machine, stage.phrase_of(place)))
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
                era = await owning.transfer(place.machine, Name(self.name), heir, stage.phrase_of(place))
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
        chain = stage.phrase_of(whose)
        if chain is None:
            return "there is no owner"
        key = chain.era_key(REVOCATION_ERA)
        with stage.model.lineage.revoking(whose.person) as revoked:
            await place.node.naming.revoke(Claim.revoke(stage.network_id, key).encoded)
            revoked()
        return "done"


@attrs.frozen(slots=True, kw_only=True)
class Recover(Operation):
    """Make the machine one of the owner who first sat at another, in a new home; if it is that, give it the key of now.

    The person knows the phrase, and the era that was opened last, from paper.
    """

    stops: ClassVar[bool] = True
    of: int
    """Where the owner first sat, whatever became of that machine."""

    def machines(self) -> tuple[int, ...]:
        """See `Operation`."""
        return self.machine, self.of

    async def run(self, stage: "Stage", place: "Place") -> str:
        """See `Operation`."""
        owners = stage.places[self.of].owners
        if not owners:
            return "there is no owner"
        owner = owners[0]
        era = stage.model.lineage.estates[owner].latest
        if era is None:
            return "nobody knows the era"
        if place.person.owner != owner:
            place.wipe(keys=False)
        with stage.model.lineage.recovering(place.person, owner, era) as recovered:
            await owning.recover(place.machine, stage.phrases[owner], era)
            recovered()
        return "done"


KINDS = (Rotate, Transfer, Revoke, Recover)
