"""Messages about the names that this node's owner holds.

To the registrar, which keeps what is owned; to the supervisor of those names (`names`), and to the actor of each. What
the registrar is asked besides is in `messages`.
"""

import attrs

from beam_actors.naming.claim import Claim
from beam_actors.values import Name

# --- to the registrar -------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True)
class Publish:
    """Claims that this node signed. Reply: None, once all are durable, in one commit.

    Or `ClaimRefused`; or `NotAllowed` if what others of the owner, or a person here, said meanwhile goes first.
    """

    claims: tuple[Claim, ...]
    opens: bool = False
    """Whether they are signed to open an era: then no name is given up that is held here, nor once the era is open."""


@attrs.frozen(slots=True)
class ListFormer:
    """Reply: tuple of (`Name`, `Holding`), for each name of which this node's owner last spoke before era `era`."""

    era: int


@attrs.frozen(slots=True)
class Reserve:
    """Keep the name claimed from now on. Reply: whether that is new, once durable; or `NameTaken`, `QuotaExceeded`.

    Until there is a claim, which may take work, the name leads to this machine here and to nobody elsewhere.
    """

    name: Name
    contest: bool
    made: bool = False
    """Whether it is a random one, which nobody asked for by itself."""


@attrs.frozen(slots=True)
class Unreserve:
    """Intend to hold the name no longer; there is no claim that a tombstone must replace. Reply: None."""

    name: Name


@attrs.frozen(slots=True)
class TakeBack:
    """Hold a name again that was given up, or handed over, before `era`, unless that was said in it, too.

    Reply: whether it was so and is held now; or `QuotaExceeded`.
    """

    name: Name
    era: int


@attrs.frozen(slots=True)
class GetMade:
    """Reply: the random name that was made for the purpose before, or None."""

    purpose: str


@attrs.frozen(slots=True)
class KeepMade:
    """Remember that the name was made for the purpose, and is asked for now. Reply: None, once that is durable."""

    purpose: str
    name: Name


@attrs.frozen(slots=True)
class GetSpare:
    """Reply: the own random name that may be given up to make room for another name, or None if that doesn't help."""

    in_use: frozenset[Name]
    """Those under which something is offered."""


# --- to the supervisor of names, and to the actor of each -------------------------------------------------------------


@attrs.frozen(slots=True)
class Tend:
    """Look after the name now; by timer, and when the names' supervisor says so. Reply: `Tended`."""

    patient: bool = True
    """Whether to reply when the work for the name is done, if any must be; else when nothing else is missing."""
    level: int = 0
    """How much work to show for it, if that is more than the network asks for: when it is found, after the reply. It
    takes the place of a level that was wanted before, also of a higher one; 0 leaves that as it is."""


@attrs.frozen(slots=True)
class Rouse:
    """To the supervisor of names, and on to the name's actor: another machine of the owner spoke of it."""

    name: Name


@attrs.frozen(slots=True)
class Spoken:
    """To the supervisor of names: something is new here that this owner, or a thief of the key, said in this era."""

    era: int


@attrs.frozen(slots=True)
class Tended:
    """A name was looked after, so far as nothing but work is missing."""

    progress: float
    """How much of the work that its claim waits for is done, from 0 to 1: then it is claimed."""
    work_s: float
    """Seconds that the work took so far; 0 if none was needed."""


@attrs.frozen(slots=True)
class Keep:
    """To the supervisor of names: have an actor for the name that tends it now. Reply: `Tended`."""

    name: Name
    patient: bool = True
    level: int = 0
    """As in `Tend`."""


@attrs.frozen(slots=True)
class GetProgress:
    """To the supervisor of names: how far is the work for an own name? No peer is asked, and nothing done.

    Reply: `Tended`, of which `work_s` says nothing; or `NameNotFound`, or `NotAllowed` if it can be claimed no more, or
    what went wrong when it was to be claimed last, such as `StorageError`: it is tried again all the same.
    """

    name: Name


@attrs.frozen(slots=True)
class TellProgress:
    """The same to a name's actor."""


@attrs.frozen(slots=True)
class Release:
    """To the supervisor of names: give the name up. Reply: as to `GiveUp`."""

    name: Name


@attrs.frozen(slots=True)
class GiveUp:
    """To a name's actor: sign a tombstone. Reply once it is durable: True; or `NameNotFound`.

    The reply is False if the owner was revoked, who signs nothing any more: the name is forgotten on this machine.
    """
