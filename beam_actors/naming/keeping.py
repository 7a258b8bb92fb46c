"""When an own claim must be signed anew, and what the next one says.

Invariant: an owner's times and numbers never go back, so a claim that was replaced ends no later than the memory of
what replaced it. Pure: the time is an argument, and nothing is signed here.
"""

import attrs

from beam_actors.errors import KeyReplaced, NameNotFound
from beam_actors.identity import KeySet
from beam_actors.naming.claim import Claim, Kind, Terms
from beam_actors.naming.entry import Entry
from beam_actors.naming.limits import DAY, HOUR, MAX_AHEAD, MAX_PEERS, MAX_VALIDITY
from beam_actors.naming.records import Own
from beam_actors.values import Name, OwnerId, PeerId

RENEW_AFTER = 10 * DAY
"""A third of the validity: a machine may be off for twenty days before its names go."""
TTL = HOUR


@attrs.frozen(slots=True)
class Signer:
    """Who signs: the network, the public half of the owner's key that this machine holds, and the machine."""

    network: str
    keyset: KeySet
    peer: PeerId


def check_era(signer: Signer, era: int) -> None:
    """Check that the signer's key is of the latest era in which the owner is known to have signed, under any name.

    Raises:
        KeyReplaced: the owner has opened a later era, for which this machine holds no key.
    """
    if era > signer.keyset.era:
        raise KeyReplaced(era)


def not_own(name: Name) -> NameNotFound:
    """What is said of a name that the owner did not register on this machine."""
    return NameNotFound(f"{name} is not one of your names on this machine; `beam names` lists them.")


def is_due(entry: Entry | None, signer: Signer, now: float, *, level: int = 0) -> bool:
    """Whether the owner's present claim no longer says what it should; `level` is the work that it should show."""
    if entry is None or entry.claim.kind is not Kind.LIVE or signer.peer not in entry.claim.peers:
        return True
    claim = entry.claim
    if entry.rival is not None:
        # Several machines of one owner signed at once. One of them heals it, or they would go on for ever.
        return claim.peers[0] == signer.peer
    if (claim.level or 0) < max(level, entry.level):
        return True
    ahead = claim.issued > now + MAX_AHEAD  # signed while this clock was wrong: nobody else takes it
    return ahead or now >= claim.issued + RENEW_AFTER or claim.era < signer.keyset.era


def successor_of(own: Own, signer: Signer) -> OwnerId | None:
    """To whom the name is to be handed over by its next claim, if a person wants that and the era for it is open."""
    return own.handing.successor if own.handing is not None and signer.keyset.era >= own.handing.era else None


def was_handed_over(own: Own, claim: Claim | None) -> bool:
    """Whether the owner handed the name over since it was registered here: on another machine, that is.

    `claim` is the owner's that counts. To hand the name over here, too, a person may have opened a later era since.
    """
    if claim is None or claim.kind is not Kind.TRANSFER or claim.issued <= own.since:
        return False
    return own.handing is None or own.handing.era <= claim.era


def was_given_up(own: Own, claim: Claim | None) -> bool:
    """Whether another machine of the owner gave the name up since it was registered here.

    `claim` is the owner's that counts. A tombstone that follows nothing gave no claim up: it opens an era.
    """
    if claim is None or claim.kind is not Kind.TOMBSTONE or own.handing is not None:
        return False
    return own.since < claim.issued and bool(claim.terms.previous)


def handed_beside(own: Own, entry: Entry | None, signer: Signer) -> OwnerId | None:
    """To whom another machine of the owner handed the name over, with the number of the claim that counts; or None.

    Neither machine had heard of the other. The claim that counts is by chance one that holds the name; what a person
    did with the recovery phrase is to stand, so it has to be said again.
    """
    rival = None if entry is None else entry.rival
    if rival is None or rival.kind is not Kind.TRANSFER or rival.issued <= own.since or rival.era != signer.keyset.era:
        return None
    return rival.terms.successor


def next_terms(
    name: Name,
    entry: Entry | None,
    signer: Signer,
    kind: Kind,
    now: float,
    *,
    successor: OwnerId | None = None,
    inherits: bytes = b"",
    work: bytes = b"",
) -> Terms:
    """What to sign next for the name: `kind` is live, tombstone or transfer, `now` in seconds since 1970.

    A transfer has a `successor`; `inherits` is the id of a transfer by which this owner got the name.
    What was said in an earlier era counts for nothing here: it may be a thief's, and so may the machines in it. But a
    tombstone says that it gives that up, or the owner's other machines would take it for one that opens the era.
    """
    replaced = entry.claim.id if entry is not None else b""
    if entry is not None and entry.claim.era < signer.keyset.era:
        entry = None
        replaced = replaced if kind is Kind.TOMBSTONE else b""
    before = entry.claim if entry else None
    seq = before.seq + 1 if before else first_number(now)
    issued = max(int(now), seq)
    if before is not None and before.issued <= now + MAX_AHEAD:
        issued = max(issued, before.issued)
    return Terms(
        network=signer.network,
        name=name,
        keyset=signer.keyset,
        seq=seq,
        kind=kind,
        peers=_peers(entry, signer.peer) if kind is Kind.LIVE else (),
        issued=issued,
        not_before=issued,
        not_after=issued + MAX_VALIDITY,
        ttl=TTL if kind is Kind.LIVE else 0,
        previous=replaced,
        successor=successor,
        inherits=(inherits or (before.terms.inherits if before else b"")) if kind is Kind.LIVE else b"",
        work=work,
    )


def first_number(now: float) -> int:
    """The number of a claim that follows none which is known here: the hours since 1970.

    There may have been one that was lost with its row, or with the disk, while other nodes still have it. Such a number
    is greater, since nobody signs more than one an hour for half a century; and when the clock was wrong, the next
    numbers stay far below the seconds since 1970, beyond which no number may be.
    """
    return max(1, int(now) // HOUR)


def _peers(entry: Entry | None, own: PeerId) -> tuple[PeerId, ...]:
    """This machine and the others that serve the name already, in their order; the last ones give way to this one."""
    claims: tuple[Claim, ...] = entry.claims if entry else ()
    known = list(dict.fromkeys(peer for claim in claims for peer in claim.peers))
    if own not in known:
        known = [*known[: MAX_PEERS - 1], own]
    kept = known[:MAX_PEERS]
    return tuple(kept if own in kept else [*kept[:-1], own])
