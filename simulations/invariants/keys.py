"""S6 and S7: what is on the wire is sealed, and no key seals twice with one nonce."""

from typing import TYPE_CHECKING

from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from simulations.stage import Place, Stage


class NothingIsPlain(Invariant):
    """S6. What programs send holds a marker in each 64 bytes; no payload between two machines may show it."""

    id = "S6"
    title = "no plaintext leaves a machine"
    why = "sessions of the light profile seal nothing, or nothing was sent"

    def __init__(self, stage: "Stage") -> None:
        super().__init__(stage)
        if stage.plan.profile != "light":
            stage.world.network.observe(self._passed)

    def _passed(self, source: object, target: object, payload: bytes) -> None:
        self.checks += 1
        if self.stage.traffic.marker in bytes(payload):
            self.fail(f"bytes of a program went from {source} to {target} unsealed")


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
