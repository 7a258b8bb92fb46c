"""What the actors of this room say to each other."""

import attrs

from beam_actors.naming.claim import Claim
from beam_actors.naming.entry import Entry
from beam_actors.naming.grammar import Query
from beam_actors.naming.lodgers import Lodging
from beam_actors.naming.pins import How
from beam_actors.naming.records import Own
from beam_actors.values import Name, OwnerId, PeerId

# --- to the registrar -------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True)
class Submit:
    """Claims from a peer, unchecked. Reply, once what is new is durable: `Taken`, or `ResourceExhausted`."""

    claims: tuple[bytes, ...]
    source: PeerId
    lodging: Lodging | None = None
    """Why they are taken in even if this node is full; those that were sought are judged before others of the peer."""


@attrs.frozen(slots=True)
class Taken:
    """What became of claims that a peer sent."""

    new: int
    bad: int = 0
    """Those of which the work was checked, for milliseconds, and found bad."""


@attrs.frozen(slots=True)
class Revoke:
    """An encoded revocation, of whichever owner. Reply: the `OwnerId`, once it is durable; or `ClaimRefused`."""

    claim: bytes


@attrs.frozen(slots=True)
class GetHolding:
    """Reply: `Holding`."""

    name: Name
    as_own: bool = False
    """Whether its entry is to be that of this node's owner in any case."""


@attrs.frozen(slots=True)
class Holding:
    """What this node has to do with a name."""

    own: Own | None
    bound: bool
    """Whether a pin or a petname leads to somebody's hold on it."""
    entry: Entry | None
    """Of this node's owner, when it owns the name or did; else of those that it is bound to, what is known least."""
    heard: float
    """When the entry's claim was last heard of (since 1970); 0 without an entry."""
    inherits: bytes
    """Id of a transfer that hands the name over to this node's owner, or empty."""
    revoked: bool
    """Whether this node's owner is revoked."""
    era: int
    """The latest era in which this node's owner is known to have signed."""


@attrs.frozen(slots=True)
class Resolve:
    """Reply: `Resolution`, or `NameNotFound`, `NameContested`."""

    query: Query
    cut_off: bool = False
    """Whether nobody could be asked, so that claims that ended a while ago still count."""
    chosen: bool = False
    """Whether a person asks."""


@attrs.frozen(slots=True)
class GetMissing:
    """Reply: tuple of those `ids` of claims that are not known here."""

    ids: tuple[bytes, ...]


@attrs.frozen(slots=True)
class GetStanding:
    """Reply: `answering.Standing`."""

    name: Name


@attrs.frozen(slots=True)
class SetPin:
    """Bind a name to an owner. Reply: the `Pin`, once durable, or `NotAllowed` if it is a petname."""

    name: Name
    owner: OwnerId


@attrs.frozen(slots=True)
class DropPin:
    """Forget a pin. Reply: None, or `NameNotFound`."""

    name: Name


@attrs.frozen(slots=True)
class Used:
    """A person was led to the owner by the name, and saw it. No reply; it is pinned, unless it is bound already."""

    name: Name
    owner: OwnerId
    how: How
    full: bool = False
    """Whether they named the owner, too: then it is kept, and not pinned."""


@attrs.frozen(slots=True)
class SetPetname:
    """Let a petname stand for an owner's name. Reply: None once durable, or `NotAllowed`, `QuotaExceeded`."""

    petname: Name
    name: Name
    owner: OwnerId


@attrs.frozen(slots=True)
class DropPetname:
    """Forget a petname. Reply: None, or `NameNotFound`."""

    petname: Name


@attrs.frozen(slots=True)
class CheckFree:
    """Whether the name may be claimed here. Reply: None, or `NotAllowed` if it is a petname."""

    name: Name


@attrs.frozen(slots=True)
class IsPetname:
    """Reply: whether the name is a petname here."""

    name: Name


@attrs.frozen(slots=True)
class IsDecided:
    """Reply: whether the name is own, or a person bound it, so that nobody else can say what it leads to here."""

    name: Name


@attrs.frozen(slots=True)
class GetOwnerState:
    """Reply: `OwnerState` of this node's owner."""


@attrs.frozen(slots=True)
class GetMeaning:
    """What others call what is asked for here. Reply: the `Query`, without petnames."""

    query: Query


@attrs.frozen(slots=True)
class ListHeld:
    """Reply: tuple of `Held`: own names, pins and petnames, in the order of names."""


@attrs.frozen(slots=True)
class ListElsewhere:
    """Reply: tuple of `Held`: the names that this node's owner claims on other machines alone, in their order."""


@attrs.frozen(slots=True)
class ListEvents:
    """Reply: tuple of `Event` with numbers greater than `after`, as far as they are kept, the oldest first."""

    after: int


@attrs.frozen(slots=True)
class ListClaimants:
    """Reply: tuple of `Choice`, one for each owner who holds the name now."""

    name: Name


@attrs.frozen(slots=True)
class ListConflicts:
    """Reply: tuple of `Conflict`, in the order of names; of one name only if given."""

    name: Name | None = None


@attrs.frozen(slots=True)
class GetAbout:
    """Reply: tuple of encoded claims that concern a name."""

    name: Name


@attrs.frozen(slots=True)
class GetUnder:
    """Reply: tuple of encoded claims that concern the names at a key of the DHT; there is one name at most."""

    key: bytes


@attrs.frozen(slots=True)
class GetItems:
    """Reply: `Snapshot` of the items of all claims here."""


@attrs.frozen(slots=True)
class GetClaims:
    """Reply: tuple of the encoded claims with these ids, as far as they are here."""

    ids: tuple[bytes, ...]


@attrs.frozen(slots=True)
class GetHeld:
    """Reply: frozenset of those of these ids whose claims are here under their names."""

    ids: tuple[bytes, ...]


@attrs.frozen(slots=True)
class Confirm:
    """A peer holds these ids too: they were heard of again. No reply."""

    ids: tuple[bytes, ...]


@attrs.frozen(slots=True)
class GetStatistics:
    """Reply: `RegistryStatistics`."""


@attrs.frozen(slots=True)
class Tick:
    """From the registrar to itself, every minute: claims that waited, and once an hour what can be forgotten."""


# --- to spread, names and look-ups ------------------------------------------------------------------------------------


@attrs.frozen(slots=True)
class Changed:
    """Claims that are new here and durable; `source` has them already."""

    claims: tuple[Claim, ...]
    source: PeerId | None
    elsewhere: tuple[Name, ...] = ()
    """Other names that may lead elsewhere because of them: an owner holds them no longer, by a revocation or since a
    later era began without them; or they are petnames. Or, without claims, one that this node means to claim."""


@attrs.frozen(slots=True)
class Meet:
    """From spread to itself, every minute: compare with a peer that chance chooses."""


@attrs.frozen(slots=True)
class CountLinks:
    """Reply: how many peers hear of changes now."""


@attrs.frozen(slots=True)
class Seek:
    """To the supervisor of look-ups: ask peers. Reply: `Sought` when it is decided or over, or `ResourceExhausted`."""

    query: Query


@attrs.frozen(slots=True)
class Refresh:
    """The same without a reply."""

    name: Name


@attrs.frozen(slots=True)
class Sought:
    """What peers said of a name was taken in; `answered` of them have said all that they know."""

    query: Query
    answered: int
    cut_off: bool = False
    """Whether no peer was connected that could have been asked."""
    by_dht: bool = False
    """Whether it was a node of the DHT that decided it."""
    more: bool = False
    """Whether the look-up goes on: peers that have not answered yet may know something better."""
