"""Many owners of one name, and what a node keeps of them."""

import functools
import hashlib
import random

import attrs

from beam_actors.identity import OwnerChain
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.limits import Limits
from beam_actors.naming.precedence import place_of
from beam_actors.naming.registry import Registry
from beam_actors.naming.work import Levels
from beam_actors.values import Name
from tests.naming.builders import CHEAP, NETWORK, NOW, claim

ALICE = Name("alice")
SMALL = Limits(owners_per_name=2, holds_per_owner=3, holds_per_trusted_owner=6, asked=4)
LEVELS = Levels(NETWORK, CHEAP, most=100_000)
"""What the work of the claims below is worth, as if it had been computed."""


@functools.cache
def chain(owner: int) -> OwnerChain:
    return OwnerChain(hashlib.sha256(b"owner %d" % owner).digest())


@functools.cache
def said(owner: int, name: str = "alice", seq: int = 1, *, level: int = 2, era: int = 0, kind: Kind = Kind.LIVE,
         issued: int = NOW) -> Claim:  # fmt: skip
    """A claim whose work is worth `level`."""
    key = chain(owner).era_key(era)
    work = hashlib.blake2b(f"{owner} {name} {level}".encode(), digest_size=64).digest()
    like = claim(0, name, seq, kind=kind, issued=issued).terms
    one = Claim.sign(attrs.evolve(like, keyset=key.keyset, work=work), key)
    LEVELS.remember(one, level)
    return one


def owner_of(owner: int):
    return chain(owner).owner_id


def known_to(limits: Limits = SMALL, *claims: Claim) -> Knowledge:
    known = Knowledge(network=NETWORK, owner=owner_of(99), limits=limits, levels=LEVELS)
    hear(known, claims)
    return known


def hear(known: Knowledge, claims, now: float = NOW) -> int:
    """How many of them were new."""
    return sum(known.take(one.encoded, now) is not None for one in claims)


def ids(known: Knowledge) -> set[bytes]:
    return {one.id for one in known.registry}


def hear_all(known: Knowledge, claims, order: random.Random) -> int:
    """Hear all again and again, each time in another order, until nothing is new; how often."""
    for turn in range(200):
        if not hear(known, order.sample(claims, len(claims))):
            return turn
    raise AssertionError("what is kept goes round in circles")


def wanted(claims, limits: Limits = SMALL) -> set[bytes]:
    """The rule of docs/naming.md, taken literally, over all that was ever said."""
    registry = Registry()
    registry.merge_all(one.proved(LEVELS.of(one)) for one in claims)
    entries = [entry for name in registry.names for entry in registry.entries(name)]
    kept: list = []
    for entry in sorted(entries, key=place_of):
        of_name = sum(other.name == entry.name for other in kept)
        of_owner = sum(other.owner == entry.owner for other in kept)
        if of_name < limits.owners_per_name and of_owner < limits.holds_per_owner:
            kept.append(entry)
    return {one.id for entry in kept for one in entry.claims}


CROWD = [said(number, level=5) for number in range(1, 5)]
