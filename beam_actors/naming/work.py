"""Work: what a claim must have cost somebody's machine, and how much more than a rival's it did.

    salt         BLAKE2b-128 of network 00 name 00 owner (32 bytes), person "beam-work-1"
    solution i   eight bytes s, for i from 0 to 7, such that Argon2id(password = i ‖ s, salt, one pass, one lane, 32
                 bytes) begins with enough zero bits
    level        the least number of those bits of the eight; each more is twice the work

Invariant: a level says what the network's difficulty asks for at least, or 0; it depends on nothing but network, name,
owner and solutions, so a renewal keeps it and nobody can use it for another name. What was found once is not computed
again. Everything is pure; checking takes milliseconds and solving seconds: run both by the compute port.
"""

import hashlib
from collections import OrderedDict
from typing import Final

import attrs
from nacl import bindings

from beam_actors.naming.claim import Claim, Kind
from beam_actors.values import Name, OwnerId

SOLUTIONS: Final = 8
"""So many small puzzles in place of a large one: the time to solve them hardly varies, and its tail is short."""
SIZE: Final = 8
"""Bytes of one solution."""
CLEAR: Final = 2
"""So many levels more are four times the work."""
_PERSON = b"beam-work-1"
_PASSES = 1
_DIGEST = 32


@attrs.frozen(slots=True)
class Difficulty:
    """What a network asks for: zero bits of each solution (0: no work at all), and Argon2id's memory in KiB."""

    bits: int
    memory_kib: int


NO_WORK: Final = Difficulty(0, 8)
PUBLIC: Final = Difficulty(9, 256)
"""A second of one core to solve, two in one case of a hundred, and two milliseconds to check. Less memory would favour
those who own graphics cards; more would cost a small board too much for each claim that it takes.
"""
_BY_NETWORK: Final = {"beam": PUBLIC}


def difficulty_of(network: str) -> Difficulty:
    """What the network asks for. All of its nodes must agree on it, so it is a matter of this table alone."""
    return _BY_NETWORK.get(network, NO_WORK)


def salt_of(network: str, name: Name, owner: OwnerId) -> bytes:
    """What binds solutions to a network, a name and an owner, through all eras of the owner's keys."""
    subject = b"\x00".join((network.encode("ascii"), name.label.encode("ascii"), owner.digest))
    return hashlib.blake2b(subject, digest_size=16, person=_PERSON).digest()


def zero_bits(index: int, solution: bytes, salt: bytes, memory_kib: int) -> int:
    """The leading zero bits that one solution reaches; a tenth of a millisecond for 100 KiB."""
    digest = bindings.crypto_pwhash_alg(
        _DIGEST,
        bytes([index]) + solution,
        salt,
        _PASSES,
        memory_kib * 1024,
        bindings.crypto_pwhash_ALG_ARGON2ID13,
    )
    return 8 * _DIGEST - int.from_bytes(digest, "big").bit_length()


def level_of(salt: bytes, work: bytes, difficulty: Difficulty) -> int:
    """The level that the solutions reach, 0 if that is not what is asked for: the first bad one ends the check."""
    if len(work) != SOLUTIONS * SIZE:
        return 0
    least = 8 * _DIGEST
    for index in range(SOLUTIONS):
        solution = work[index * SIZE : (index + 1) * SIZE]
        least = min(least, zero_bits(index, solution, salt, difficulty.memory_kib))
        if least < difficulty.bits:
            return 0
    return least


@attrs.frozen(slots=True)
class Search:
    """Solving under way: what was found so far, and where to go on."""

    salt: bytes
    memory_kib: int
    target: int
    """Zero bits that each solution shall have."""
    known: bytes = b""
    """Solutions of a lower level. What comes before them was tried when they were found."""
    found: bytes = b""
    next: int | None = None
    """The number to be tried next; None at the beginning of a puzzle."""
    least: int = 8 * _DIGEST
    """The least zero bits of those that were found."""
    tried: int = 0
    """How often Argon2id was computed."""

    @classmethod
    def begin(cls, salt: bytes, difficulty: Difficulty, *, level: int = 0, known: bytes = b"") -> "Search":
        """Look for the work that the network asks for, or more: at least `level`; `known` is what there is already."""
        return cls(salt, difficulty.memory_kib, max(level, difficulty.bits), known)

    @property
    def solved(self) -> int:
        """How many of the puzzles."""
        return len(self.found) // SIZE

    @property
    def done(self) -> bool:
        """Whether all are."""
        return self.solved == SOLUTIONS

    def step(self, tries: int) -> "Search":
        """Go on for at most so many tries; the search as it stands then. A step that is abandoned is lost alone."""
        search = self
        for _ in range(tries):
            if search.done:
                break
            search = search._try()
        return search

    def _try(self) -> "Search":
        number = self.next
        if number is None:
            known = self.known[len(self.found) : len(self.found) + SIZE]
            number = int.from_bytes(known, "big")
        solution = number.to_bytes(SIZE, "big")
        bits = zero_bits(self.solved, solution, self.salt, self.memory_kib)
        if bits < self.target:
            return attrs.evolve(self, next=(number + 1) % (1 << 8 * SIZE), tried=self.tried + 1)
        found = self.found + solution
        return attrs.evolve(self, next=None, tried=self.tried + 1, found=found, least=min(self.least, bits))


class Levels:
    """What a network asks for, and what the last `most` pieces of work that were checked are worth."""

    __slots__ = ("_known", "_most", "_network", "difficulty")

    def __init__(self, network: str, difficulty: Difficulty = NO_WORK, *, most: int = 4096) -> None:
        self._network = network
        self._most = most
        self._known: OrderedDict[bytes, int] = OrderedDict()
        self.difficulty = difficulty

    def __repr__(self) -> str:
        return f"<Levels from {self.difficulty.bits} on, {len(self._known)} known>"

    @property
    def asked(self) -> bool:
        """Whether the network asks for work at all."""
        return self.difficulty.bits > 0

    def of(self, claim: Claim) -> int | None:
        """The level of a claim's work; None if it must be computed."""
        work = claim.work
        if not self.asked or claim.kind is Kind.REVOCATION or len(work) != SOLUTIONS * SIZE:
            return 0
        return self._known.get(self._key(claim))

    def compute(self, claim: Claim) -> int:
        """Compute it, in milliseconds, remembering nothing: for another thread."""
        return level_of(self._salt(claim), claim.work, self.difficulty)

    def remember(self, claim: Claim, level: int) -> None:
        """It was found to be so much."""
        key = self._key(claim)
        self._known[key] = level
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def _salt(self, claim: Claim) -> bytes:
        return salt_of(self._network, claim.name, claim.owner)

    def _key(self, claim: Claim) -> bytes:
        return hashlib.blake2b(claim.work, digest_size=16, key=self._salt(claim)).digest()
