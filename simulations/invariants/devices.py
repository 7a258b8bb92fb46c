"""Who has a name of the LAN: S25. The rule is that of docs/naming.md and docs/ingress.md."""

from typing import TYPE_CHECKING

from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from beam_actors.ingress.answers import Located
    from simulations.place import Place

_KEPT = 120.0
"""Seconds for which a node believes what a device said, and less that there is none."""


class DevicesGoFirst(Invariant):
    """S25. Whom the name leads to otherwise is S3's and L2's matter."""

    id = "S25"
    title = "a device of the LAN has its name there, but where a person owns or bound it; no other device has"
    why = "there was no device whose name was asked for, and no LAN"

    def located(self, place: "Place", name: str, found: "Located", *, decided: bool, began: float) -> None:
        """See `Invariant`."""
        if not self.stage.lans:
            return
        lan, calm = self.stage.lan_of(place), self.stage.calm.since(max(0.0, began - _KEPT), place)
        device = None if lan is None else lan.addresses.get(name)
        if decided != self.stage.inside.decides(place.node, name):
            self.forgiven["somebody bound the name, or let it go, meanwhile"] += 1
        elif decided:
            self.expect(not found.device, f"{name} is a device at {place.name}, where a person owns or bound it")
        elif found.device:
            everywhere = {ip for one in self.stage.lans.values() for ip in one.addresses.values()}
            known = {device} if calm else everywhere  # as it may have come here from another LAN
            self.expect(found.address in known, f"{name} is a device at {place.name}, at {found.address}, not {device}")
        elif device is not None and not calm:
            self.forgiven["the machine was disturbed, and may have heard nothing"] += 1
        else:
            self.expect(device is None, f"{name} is no device at {place.name}, and {device} answers to it there")
