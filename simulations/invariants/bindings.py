"""S23: a name is bound on a machine by what a person said or did there, and to whom it could lead then."""

from typing import TYPE_CHECKING

from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from simulations.place import Place


class BoundByPeople(Invariant):
    """S23. Pins by a command are S13's matter."""

    id = "S23"
    title = "no name is pinned that nobody used there, nor to an owner who never claimed it"
    why = "no name was pinned by use"

    def look(self, place: "Place") -> None:
        """See `Invariant`."""
        known = self.stage.inside.knowledge(place.node)
        if known is None:
            return
        for name, pin in known.bindings.pins.items():
            if pin.how == "command":
                continue
            self.expect(
                self.stage.traffic.has_led(place, name.label), f"{place.name} pinned {name}, which nobody used there"
            )
            self.expect(
                pin.owner in self.stage.model.claimants.get(name.label, ()),
                f"{place.name} pinned {name} to {pin.owner.short}, who never claimed it",
            )
