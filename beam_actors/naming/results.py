"""What the rooms above get back from `Naming`: what a name leads to, what is held here, what is contested.

Frozen values of names, owners and peers; `control` has its own, as text.
"""

from typing import Literal

import attrs

from beam_actors.naming.events import Relation
from beam_actors.naming.pins import How
from beam_actors.values import Name, OwnerId, PeerId

Source = Literal["own", "petname", "pin", "registry", "cache", "dht"]


@attrs.frozen(slots=True, kw_only=True)
class Resolution:
    """What a name leads to. Times are in seconds."""

    name: Name
    owner: OwnerId
    peers: tuple[PeerId, ...]
    """The machines that serve it, the preferred one first; at least one."""
    source: Source
    """`cache` says that the claim was not heard of for longer than its ttl, or has ended and nobody could be asked;
    `dht` that a node of the DHT has just told it."""
    age_s: float
    """Since this node last heard of the claim; 0 for an own one."""
    since: float
    """When this node first saw the owner hold the name (since 1970)."""


@attrs.frozen(slots=True, kw_only=True)
class Choice:
    """One of several owners of a name."""

    owner: OwnerId
    peers: tuple[PeerId, ...]
    since: float
    """When this node first saw the owner hold the name (since 1970)."""
    equivocates: bool
    """Whether the owner signed two different claims with one number; the proof is kept."""
    level: int
    """What the best work of the owner for the name is worth, as this node has seen it; each more is twice the work."""
    relation: Literal["own", "pin", "other"]
    """What the owner is to this node: its own, the one that is pinned for the name, or anybody else."""
    used: bool
    """Whether the name leads to this owner here and now; so it is for one choice of a name at most."""


@attrs.frozen(slots=True, kw_only=True)
class Conflict:
    """A name that several owners hold; `settled_by` says how it is decided here, if it is."""

    name: Name
    choices: tuple[Choice, ...]
    settled_by: Literal["own", "petname", "pin", "settled", "work"] | None
    """`petname`: the name is a petname here, and leads to something else."""


@attrs.frozen(slots=True, kw_only=True)
class Held:
    """A name that is owned or pinned here, or a petname."""

    name: Name
    relation: Relation
    target: Name
    """The name in the owner's claims; it differs from `name` for petnames only."""
    how: How | None
    """What made it, if it is a pin."""
    owner: OwnerId
    peers: tuple[PeerId, ...]
    """Empty while no claim of the owner is known."""
    expires: float | None
    """When the claim ends unless it is renewed (since 1970)."""
    since: float
    revoked: bool = False
    """Whether the owner revoked all keys, so that it leads nowhere for good."""
    given_up: bool = False
    """Whether the owner gave it up, so that what is bound to it here leads nowhere; never of an own name."""
    contested: bool = False
    """Whether several owners hold the name, or another one does while this one's work for it is being done.

    A petname leads to one owner, so nobody contests it.
    """
    era: int = 0
    """The latest era in which the owner is known to have signed anything."""


@attrs.frozen(slots=True)
class OwnerState:
    """What is known here of an owner, whatever the name."""

    era: int
    """The latest in which the owner signed anything; 0 if nothing is known."""
    revoked: bool
    """Whether the owner revoked all keys."""

    def replaces(self, era: int) -> int | None:
        """The era whose key took the place of that of `era`, which signs nothing more; None if none did.

        A revocation took the place of all of them, and has no key.
        """
        return self.era if self.era > era and not self.revoked else None


@attrs.frozen(slots=True, kw_only=True)
class Registered:
    """A name is held from now on, durably, and claimed unless its work is still being done."""

    name: Name
    owner: OwnerId
    peers: tuple[PeerId, ...]
    told: int
    """Peers to which the claim is being pushed."""
    progress: float
    """How much of the work is done without which there is no claim yet, from 0 to 1: then it is claimed."""
    work_s: float
    """Seconds of work for which the claim had to wait."""
    look_alikes: tuple[Name, ...]
    """Pinned or own names that are easily taken for this one: warn."""
    new: bool
    """Whether it was not registered here before."""


@attrs.frozen(slots=True, kw_only=True)
class Progress:
    """How far a name that is registered is from being claimed."""

    name: Name
    progress: float
    """How much of the work is done without which there is no claim yet, from 0 to 1: then it is claimed."""
    told: int
    """Peers that hear of changes now."""


@attrs.frozen(slots=True, kw_only=True)
class RegistryStatistics:
    """Counts since the registry's present incarnation started, and what it holds."""

    names: int
    claims: int
    waiting: int
    admitted: int
    refused: dict[str, int]
    """By reason, one of `admission.REASONS`."""
    clock_jumps: int
