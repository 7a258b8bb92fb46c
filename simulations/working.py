"""What the work of claims is worth, found out by another implementation of Argon2id than the product's.

The rule of docs/naming.md is written here a second time, so that the product's is judged by others.
"""

import hashlib
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from beam_actors.naming import Claim, Kind

if TYPE_CHECKING:
    from beam_actors.values import OwnerId

_PUZZLES = 8


class Work:
    """What claims' work is worth, found out by another implementation of Argon2id than the product's."""

    def __init__(self, bits: int, memory_kib: int) -> None:
        self._bits = bits
        self._memory = memory_kib
        self._known: dict[tuple[str, OwnerId, bytes], int] = {}

    def level(self, claim: Claim) -> int:
        """0 if it is less than is asked for."""
        if not self._bits or claim.kind is Kind.REVOCATION:
            return 0
        terms = claim.terms
        key = claim.name.label, claim.owner, terms.work
        if key not in self._known:
            subject = terms.network.encode() + b"\x00" + claim.name.label.encode() + b"\x00" + claim.owner_digest
            salt = hashlib.blake2b(subject, digest_size=16, person=b"beam-work-1").digest()
            solutions = [terms.work[at : at + 8] for at in range(0, len(terms.work), 8)]
            least = min((self._zeros(index, one, salt) for index, one in enumerate(solutions)), default=0)
            self._known[key] = least if len(solutions) == _PUZZLES and least >= self._bits else 0
        return self._known[key]

    def _zeros(self, index: int, solution: bytes, salt: bytes) -> int:
        argon = Argon2id(salt=salt, length=32, iterations=1, lanes=1, memory_cost=self._memory)
        return 256 - int.from_bytes(argon.derive(bytes([index]) + solution), "big").bit_length()
