"""What the control API gives back about names: plain values, like those of `results`, whose rules they follow."""

import attrs


@attrs.frozen(slots=True, kw_only=True)
class NameRow:
    """A name that is owned (`relation` "own") or pinned ("pin"), or a "petname". `full` is it with the suffix.

    `target` is what it is called in its owner's claims, with the suffix: another name for petnames only.
    """

    name: str
    full: str
    relation: str
    target: str
    pinned_by: str | None
    """What made a pin: "command", or the use "navigation" (a page that a person opened) or "forward".

    Of an own name that is pinned, too, it is what made that pin: there is one row for both.
    """
    owner: str
    peer_ids: tuple[str, ...]
    expires_in_s: float | None
    url: str | None
    revoked: bool = False
    """Whether the owner revoked all keys, so that it leads nowhere for good."""
    given_up: bool = False
    """Whether the owner of a pinned name, or of that of a petname, gave it up, so that it leads nowhere."""
    here: bool = True
    """Whether this machine keeps it; false of an own name that other machines of the owner claim alone."""
    contested: bool = False
    """Whether several owners claim it, so that `conflicts` has it; never of a petname."""
    replaced_by_era: int | None = None
    """Of an own name: the later era that the owner opened elsewhere, so that this machine signs no more for it."""


@attrs.frozen(slots=True, kw_only=True)
class Registered:
    """A name that is held from now on; `told` is the number of peers that its claim is pushed to at once."""

    name: str
    full: str
    owner: str
    peer_id: str
    told: int
    look_alikes: tuple[str, ...]
    """Own or pinned names that are easily taken for this one."""
    progress: float
    """How much of the work that the network asks for is done, from 0 to 1: then the name is claimed."""
    work_s: float
    """Seconds for which the claim had to wait for that."""
    new: bool
    """Whether it was not registered here before."""
    url: str | None
    gave_up: str | None = None
    """The random name that nothing used and that was released to make room for it, with the suffix."""


@attrs.frozen(slots=True, kw_only=True)
class Progress:
    """How far a registered name is from being claimed; `told` as in `Registered`."""

    name: str
    full: str
    progress: float
    """From 0 to 1: then the name is claimed."""
    told: int


@attrs.frozen(slots=True, kw_only=True)
class Resolution:
    """What a name leads to. `source` is own, petname, pin, registry, cache, dht or mdns; `address` is on loopback.

    By `mdns` it is a device of the local network, at its own `address`, and nobody's claim: no owner and no peer.
    """

    name: str
    owner: str | None
    peer_id: str | None
    peer_ids: tuple[str, ...]
    source: str
    age_s: float
    address: str | None


@attrs.frozen(slots=True, kw_only=True)
class PinMade(Resolution):
    """What a name leads to from now on."""

    before: str | None = None
    """What it was bound to before, in its full form, if that is another."""


@attrs.frozen(slots=True, kw_only=True)
class PetnameMade(PinMade):
    """What a petname leads to from now on."""

    petname: str
    """With the suffix."""
    covers: tuple[str, ...] = ()
    """The names of others that it hides on this machine, as far as they are known here, in their full form."""
    covers_own: str | None = None
    """The same of a name that another machine of this node's owner claims."""


@attrs.frozen(slots=True, kw_only=True)
class Choice:
    """One of the owners that claim a contested name."""

    owner: str
    peer_ids: tuple[str, ...]
    relation: str
    """What the owner is here: "own", "pin" (the one that is pinned) or "other"."""
    used: bool
    """Whether the name leads to this owner on this machine."""
    since: float
    """When this node first saw the owner hold the name (seconds since 1970)."""
    held_for_s: float
    equivocates: bool
    """Whether the owner signed two different claims with one number."""
    level: int
    """What the owner's best work for the name is worth; each more is twice the work, and two more decide."""
    always: str
    """The name with its owner, which leads to this choice whatever is decided here."""


@attrs.frozen(slots=True, kw_only=True)
class NameEvent:
    """Something that happened to a name which is owned or pinned here, or for which a petname stands.

    `what` is contested, taken (by `owner`, while whom it is pinned to does not hold it), equivocated, rotated (to `era`
    of its owner's keys), released, left-behind (its owner has not claimed it in the later `era`), transferred (to
    `heir`), inherited (by `owner`, whom its owner made the heir), handed (to this node's owner, who may register it) or
    revoked; `owner` did it; `relation` is "own", "pin", "petname", or "heir" of a name that was handed and is not
    bound; `number` counts from 1 since the daemon started.
    """

    number: int
    at: float
    what: str
    name: str
    owner: str
    relation: str
    heir: str | None = None
    era: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class Revoked:
    """An owner whose keys sign for nothing any more, and how many peers were told."""

    owner: str
    told: int


@attrs.frozen(slots=True, kw_only=True)
class Conflict:
    """A name that several owners claim.

    `settled_by` is what decides it here: "own", "petname" (the name is one, and leads to something else), "pin",
    "settled" (held here alone for long), "work" (four times that of any other), None when nothing does.
    """

    name: str
    settled_by: str | None
    choices: tuple[Choice, ...]
