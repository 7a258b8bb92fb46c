"""What people do in browsers, and by names of their LAN: what goes through the ingress of their machine.

Invariant: that of `operations`.
"""

from typing import TYPE_CHECKING

import attrs

from simulations import ranges
from simulations.browsing import HTTPS, Way
from simulations.operations import Operation

if TYPE_CHECKING:
    from simulations.place import Place
    from simulations.stage import Stage


@attrs.frozen(slots=True, kw_only=True)
class Visit(Operation):
    """Have a browser on the machine ask for a page of a name over HTTPS, for a person or for another page (`way`)."""

    name: str = attrs.field(validator=ranges.name)
    way: Way = Way.TYPED

    async def run(self, stage: "Stage", place: "Place") -> str:
        """See `Operation`."""
        began, before = stage.time, stage.inside.bound_to(place.node, self.name)
        outcome, by = await stage.browsing.ask(place, self.name, self.way)
        if by is not None:
            stage.invariants.served(place, self.name, by, by)
            stage.invariants.let_in(place, by, self.name, HTTPS, began)
        await stage.noticed()
        stage.invariants.visited(place, self.name, self.way, by, before)
        return outcome if by is None else self.way.value


@attrs.frozen(slots=True, kw_only=True)
class Locate(Operation):
    """Ask for the address of a name, as DNS does for a program of the machine."""

    name: str = attrs.field(validator=ranges.name)

    async def run(self, stage: "Stage", place: "Place") -> str:
        """See `Operation`."""
        began, before = stage.time, stage.inside.decides(place.node, self.name)
        found = await place.node.ingress.locate(f"{self.name}.local")
        stage.invariants.located(place, self.name, found, decided=before, began=began)
        return "a device" if found.device else "a name"


KINDS = (Visit, Locate)
