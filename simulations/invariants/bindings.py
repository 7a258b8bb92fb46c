"""S23: a name is bound on a machine by what a person said or did there, and to whom it led then."""

from typing import TYPE_CHECKING

from beam_actors.values import Name, OwnerId
from simulations.browsing import Way
from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from beam_actors.naming import Pin
    from simulations.place import Place


class BoundByPeople(Invariant):
    """S23. Pins by a command are S13's matter, and whether a pin moves is S24's."""

    id = "S23"
    title = "a name is pinned where a person used it, and nowhere else, and to whom it led"
    why = "no name was pinned by use"

    def look(self, place: "Place") -> None:
        """See `Invariant`."""
        known = self.stage.inside.knowledge(place.node)
        if known is None:
            return
        for name, pin in known.bindings.pins.items():
            if pin.how != "command":
                self._judge(place, name.label, pin)

    def _judge(self, place: "Place", name: str, pin: "Pin") -> None:
        opened = self.stage.browsing.opened(place, name)
        used = self.stage.traffic.has_led(place, name) if pin.how == "forward" else opened is not None
        if not self.expect(used, f"{place.name} pinned {name} by a {pin.how}, and nobody used it there"):
            return
        self.expect(
            pin.owner in self.stage.model.claimants.get(name, ()),
            f"{place.name} pinned {name} to {pin.owner.short}, who never claimed it",
        )
        if pin.how != "forward" and not self.stage.browsing.may_have_led_anywhere(place, name):
            led_to = {heir for owner in opened or () for heir in self.stage.model.lineage.led_to(name, owner)}
            if pin.owner not in led_to and any(self.stage.model.lineage.may_mislead(owner) for owner in opened or ()):
                self.forgiven["a stolen key spoke before anybody else did in that era"] += 1
                return
            self.expect(
                pin.owner in led_to,
                f"{place.name} pinned {name} to {pin.owner.short}, and no page that was opened there came from them",
            )

    def visited(self, place: "Place", name: str, way: Way, by: "Place | None", before: OwnerId | None) -> None:
        """See `Invariant`: a person's visit pins what can be pinned, and nothing else changes what is pinned."""
        known = self.stage.inside.knowledge(place.node)
        now = self.stage.inside.bound_to(place.node, name)
        if known is None or not self.stage.inside.runs(place.node, "registry"):
            return
        if way is not Way.TYPED:
            if before is None and self.stage.browsing.opened(place, name) is None:
                here = name in place.person.pins or self.stage.traffic.has_led(place, name)
                self.expect(now is None or here, f"{place.name} pinned {name}, which came there by a {way.value}")
            return
        if by is None or self.stage.inside.decides(place.node, name):
            return
        disturbed = place.disk_refused_around(self.stage.time, 10.0) or not self.stage.calm.since(
            self.stage.time - 10.0, place
        )
        owners = [claim.owner for claim in known.live(Name(name), place.machine.clock.wall())]
        if disturbed or owners != by.owners[-1:]:
            self.forgiven["the machine was disturbed, or the name led elsewhere a moment later"] += 1
            return
        self.expect(False, f"a person opened {name} at {place.name}, which {by.name} served, and it is not pinned")
