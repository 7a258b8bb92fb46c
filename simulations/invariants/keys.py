"""S6 and S7: what is on the wire is sealed, and no key seals twice with one nonce."""

from typing import TYPE_CHECKING

from beam_actors.testing.security import Profile
from simulations.invariants.base import Invariant
from simulations.operations import Register

if TYPE_CHECKING:
    from beam_actors.testing.network import VirtualHost
    from simulations.place import Place

_SHORTEST = 6
"""Characters that the names of a run must have in common: fewer stand somewhere in any long ciphertext."""


class NothingIsPlain(Invariant):
    """S6. Every payload between two machines is searched for the bytes of programs and for what names begin with."""

    id = "S6"
    title = "nothing that programs say, and no name, is on the wire in the clear"
    why = "sessions of the light profile hide nothing"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        if self.stage.plan.profile is Profile.LIGHT:
            return
        self._secrets = [("the bytes of a program", self.stage.traffic.marker)]
        common = f"{self.stage.plan.scenario}-"
        names = [one.name for one in self.stage.plan.operations if isinstance(one, Register)]
        if len(common) >= _SHORTEST and all(name.startswith(common) for name in names):
            self._secrets.append(("a name", common.encode()))
        self._bytes = 0
        self.stage.world.network.observe(self._passes)

    def _passes(self, source: "VirtualHost", target: object, payload: bytes) -> None:
        self.checks += 1
        self._bytes += len(payload)
        self.figures["bytes searched"] = float(self._bytes)
        for what, secret in self._secrets:
            if secret in payload and not self.failed:
                self.fail(f"{what} went from {source.name} to {getattr(target, 'name', 'nobody')} in the clear")


class NoncesAreUsedOnce(Invariant):
    """S7. The world watches each seal of production Noise."""

    id = "S7"
    title = "no key seals twice with one nonce"
    why = "sessions of the light profile seal nothing"

    def look(self, place: "Place") -> None:  # noqa: ARG002
        """See `Invariant`."""
        if self.stage.plan.profile is Profile.LIGHT:
            return
        seals = self.stage.world.seals
        if self.checks != seals.count:
            self.checks = seals.count
            self.figures["keys"] = float(seals.keys)
        if seals.reused and not self.failed:
            self.fail(seals.reused[0])
