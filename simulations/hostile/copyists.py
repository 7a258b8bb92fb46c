"""Whoever copied an owner's key from a machine, and goes on with it after the owner has opened a later era.

Invariant: the key is that of the era in which the machine signed when the attack began, and it is used from the moment
at which its owner leaves that era: before, it is the owner's in every respect and nobody could tell the two apart.
"""

from collections.abc import Iterator

from beam_actors.identity import OwnerKey
from beam_actors.naming import Kind
from beam_actors.values import Name
from simulations.hostile.attacker import Attacker, Lair
from simulations.hostile.forging import signed
from simulations.hostile.liars import Liar
from simulations.hostile.line import Line


class Copyist(Liar):
    """Claims the owner's names for its own machine, others too, gives them up, and hands them over to itself."""

    NAME = "copyist"
    EVERY = 1.0

    def __init__(self, lair: Lair) -> None:
        super().__init__(lair)
        self.unused = lair.name_of_its_own()

    def claims(self, line: Line, turn: int) -> Iterator[bytes]:  # noqa: ARG002
        """See `Liar`."""
        copied = self.lair.copied()
        if copied is None:
            return
        key, names = copied
        for number, label in enumerate(names):
            kind = Kind.TOMBSTONE if (turn + number) % 3 == 0 else Kind.LIVE
            yield self._stolen(Name(label), key, turn, kind)
            if key.era:  # in the first era there is no transfer
                yield self._stolen(Name(label), key, turn + 1, Kind.TRANSFER)
                yield self.genuine(Name(label)).encoded
        yield self._stolen(self.unused, key, turn, Kind.LIVE)

    def _stolen(self, name: Name, key: OwnerKey, turn: int, kind: Kind) -> bytes:
        """A claim by the stolen key, of a number above those that its owner used."""
        self.lair.tally["claims by a copied key"] += 1
        heir = self.owner.owner_id if kind is Kind.TRANSFER else None
        seq = self.now // 3600 + 1000 + turn
        peer = self.key.peer_id
        claim = signed(key, self.lair.network, name, issued=self.now, seq=seq, kind=kind, peer=peer, successor=heir)
        self.lair.poses(name.label, key.owner_id)
        return claim.encoded


COPYISTS: tuple[type[Attacker], ...] = (Copyist,)
