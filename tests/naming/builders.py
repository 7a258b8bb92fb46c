"""Owners with real keys and claims that they really signed, each made once."""

import functools
import hashlib

import attrs

from beam_actors.identity import OwnerChain, PeerKey
from beam_actors.naming.claim import Claim, Kind, Terms
from beam_actors.naming.limits import DAY, HOUR
from beam_actors.naming.work import Difficulty, Search, level_of, salt_of
from beam_actors.values import Name, PeerId

NETWORK = "test"
NOW = 1_800_000_000
CHEAP = Difficulty(2, 8)
"""Work that costs nothing to speak of."""
FIRST = NOW // HOUR
"""The number of a first claim that a node signs by itself then."""
CHAINS = tuple(OwnerChain(bytes([number]) * 32) for number in range(4))
NAMES = (Name("alice"), Name("bob"))


@functools.cache
def peer_key(number: int) -> PeerKey:
    return PeerKey.from_seed(hashlib.sha256(b"peer %d" % number).digest())


def peer(number: int) -> PeerId:
    return peer_key(number).peer_id


@functools.cache
def owner_key(owner: int = 0, era: int = 0):
    return CHAINS[owner].era_key(era)


def owner_id(owner: int):
    return CHAINS[owner].owner_id


@functools.cache
def claim(
    owner: int = 0,
    name: str = "alice",
    seq: int = 1,
    *,
    era: int = 0,
    kind: Kind = Kind.LIVE,
    variant: int = 0,
    issued: int = NOW,
    valid: int = 30 * DAY,
    to: int | None = None,
    previous: bytes = b"",
    inherits: bytes = b"",
    network: str = NETWORK,
) -> Claim:
    """`variant` tells claims apart that would otherwise be equal: an owner who equivocates."""
    key = owner_key(owner, era)
    terms = Terms(
        network=network,
        name=Name(name),
        keyset=key.keyset,
        seq=seq,
        kind=kind,
        peers=(peer(variant),) if kind is Kind.LIVE else (),
        issued=issued,
        not_before=issued,
        not_after=issued + valid,
        ttl=HOUR + variant,
        previous=previous,
        successor=None if to is None else owner_id(to),
        inherits=inherits,
    )
    return Claim.sign(terms, key)


@functools.cache
def work(owner: int, name: str, level: int = CHEAP.bits) -> bytes:
    """Solutions of at least this level, by the owner for the name."""
    search = Search.begin(salt_of(NETWORK, Name(name), owner_id(owner)), CHEAP, level=level)
    while not search.done:
        search = search.step(1000)
    return search.found


@functools.cache
def solved(one: Claim, level: int = CHEAP.bits) -> Claim:
    """The same claim with work of at least this level."""
    owner = next(number for number in range(len(CHAINS)) if owner_id(number) == one.owner)
    terms = attrs.evolve(one.terms, work=work(owner, one.name.label, level))
    return Claim.sign(terms, owner_key(owner, one.era))


@functools.cache
def crowd(count: int, name: str = "alice") -> tuple[Claim, ...]:
    """Claims of as many other owners for the name, with the least work."""
    return tuple(_crowding(number, name) for number in range(count))


def _crowding(number: int, name: str) -> Claim:
    key = OwnerChain(hashlib.sha256(b"one of a crowd %d" % number).digest()).era_key(0)
    search = Search.begin(salt_of(NETWORK, Name(name), key.owner_id), CHEAP)
    while not search.done:
        search = search.step(1000)
    return Claim.sign(attrs.evolve(claim(0, name).terms, keyset=key.keyset, work=search.found), key)


@functools.cache
def stolen(owner: int, name: str) -> Claim:
    """A claim by the owner with work that another owner did for the name, and that is good for nothing here."""
    key, terms = owner_key(owner), claim(owner, name).terms
    attempts = (
        Claim.sign(attrs.evolve(terms, work=work((owner + 1) % len(CHAINS), name, level)), key) for level in range(2, 9)
    )
    return next(one for one in attempts if proved(one).level == 0)


def proved(one: Claim) -> Claim:
    """The same claim, of whose work the level was found out."""
    return one.proved(level_of(salt_of(NETWORK, one.name, one.owner), one.terms.work, CHEAP))


@functools.cache
def revocation(owner: int = 0) -> Claim:
    return Claim.revoke(NETWORK, owner_key(owner, 8))


@functools.cache
def pool() -> tuple[Claim, ...]:
    """Everything that three owners may have said of two names: replays, equivocations, work, revocations."""
    claims = [
        claim(owner, str(name), seq, era=era, kind=kind, variant=variant, issued=NOW + seq)
        for owner in range(3)
        for name in NAMES
        for seq in (1, 2)
        for era in (0, 1)
        for kind, variant in ((Kind.LIVE, 0), (Kind.LIVE, 1), (Kind.LIVE, 2), (Kind.TOMBSTONE, 0))
    ]
    claims += [claim(owner, "alice", 3, era=2, kind=Kind.TRANSFER, to=owner + 1) for owner in range(2)]
    claims += [
        proved(solved(claim(owner, "alice", seq, era=era, kind=kind, variant=3, issued=NOW + seq), level))
        for owner in range(2)
        for seq, level, era, kind in (
            (1, 5, 0, Kind.LIVE),
            (2, 2, 0, Kind.LIVE),
            (2, 3, 0, Kind.TOMBSTONE),
            (3, 4, 0, Kind.LIVE),
            (1, 2, 1, Kind.LIVE),
            (2, 3, 1, Kind.LIVE),
        )
    ]
    claims += [revocation(owner) for owner in range(2)]
    return tuple(claims)
