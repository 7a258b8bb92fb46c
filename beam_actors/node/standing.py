"""What an own name is to this machine: its own, gone, or signed for by a key that is not here.

Pure: a function of what naming says of the name and of the era of the key that this machine holds.
"""

import attrs

from beam_actors.naming import Held, OwnerState


@attrs.frozen(slots=True, kw_only=True)
class NameStanding:
    """Whether a name is this machine's."""

    yours: bool = True
    """Whether it is registered here, and the key of this machine signs for it."""
    replaced_by: int | None = None
    """If it is the owner's and the key does not: the era that the owner opened elsewhere."""


CLAIMED = NameStanding()
"""Of a name under which something is offered just now; and of what has no name."""


def standing_of(held: Held | None, era: int) -> NameStanding:
    """What an own name is to a machine whose key is of `era`; None if the name is not kept here any more."""
    if held is None or held.revoked:
        return NameStanding(yours=False)
    replaced_by = OwnerState(held.era, held.revoked).replaces(era)
    return NameStanding(yours=replaced_by is None, replaced_by=replaced_by)
