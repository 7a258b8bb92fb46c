"""S6 and S7: what is on the wire is sealed, and no key seals twice with one nonce."""

from typing import TYPE_CHECKING

from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from simulations.stage import Place


class NoncesAreUsedOnce(Invariant):
    """S7. The world watches each seal of production Noise."""

    id = "S7"
    title = "no key seals twice with one nonce"
    why = "sessions of the light profile seal nothing"

    def look(self, place: "Place") -> None:  # noqa: ARG002
        """See `Invariant`."""
        if self.stage.plan.profile == "light":
            return
        seals = self.stage.world.seals
        if self.checks != seals.count:
            self.checks = seals.count
            self.figures["keys"] = float(seals.keys)
        if seals.reused and not self.failed:
            self.fail(seals.reused[0])
