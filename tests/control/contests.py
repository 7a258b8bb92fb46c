"""Contested names, as the control API shows them."""

from beam_actors.control.names import Choice, Conflict
from beam_actors.values import OwnerId, PeerId

PEER = str(PeerId(bytes(32)))


def contested(name, settled_by, relations, *, used=None):
    """A name with a choice for each relation ("own", "pin", "other"); `used` is the index of one."""
    owners = [str(OwnerId(bytes([number]) * 32)) for number in range(len(relations))]
    choices = tuple(
        Choice(
            owner=owner,
            peer_ids=(PEER,),
            relation=relation,
            used=number == used,
            since=1_800_000_000.0,
            held_for_s=60.0,
            equivocates=False,
            level=10,
            always=f"{name}.{owner}.local",
        )
        for number, (owner, relation) in enumerate(zip(owners, relations, strict=True))
    )
    return Conflict(name=f"{name}.local", settled_by=settled_by, choices=choices)
