"""A person's key chain: nine keys from one phrase, all committed to at birth.

    OwnerId = H(k0 ‖ H(k1 ‖ H(k2 ‖ … H(k8 ‖ END))))        H = BLAKE2b-256, personalised "beam-owner-chain"

Era n is the time in which key n signs; opening era n+1 reveals k(n+1), which outranks every key before it. The last
era, 8, is the revocation: whatever its key signs revokes the owner for good, so it is never used for anything else.

Invariant: a `KeySet` that exists has a well-formed chain, so its `owner_id` alone decides whose it is, and nobody but
the holder of the phrase can extend one (docs/identity.md). A machine holds an `OwnerKey`: the private key of the
present era and no later one. This module knows nothing of names, claims or files.
"""

import functools
import hashlib

import attrs

from beam_actors.errors import InvalidValue
from beam_actors.identity.keys import PUBLIC_KEY_SIZE, public_key_of, sign, verify
from beam_actors.identity.phrase import ENTROPY_SIZE, phrase_entropy
from beam_actors.values import OwnerId

ERAS = 9
REVOCATION_ERA = ERAS - 1
END = bytes(32)  # stands for "no more keys"; finding a preimage of it is as hard as of any other value
_CHAIN = b"beam-owner-chain"
_DERIVE = b"beam-owner-era-1"


def _link(public_key: bytes, rest: bytes) -> bytes:
    return hashlib.blake2b(public_key + rest, digest_size=32, person=_CHAIN).digest()


@attrs.frozen(slots=True, repr=False)
class KeySet:
    """The public keys that an owner has revealed, first era first, and the hash of those to come: what a claim carries.

    `revealed` holds one to nine keys of 32 bytes; `rest` is `END` exactly when all nine are revealed.
    """

    revealed: tuple[bytes, ...]
    rest: bytes

    def __attrs_post_init__(self) -> None:
        if not 0 < len(self.revealed) <= ERAS:
            raise InvalidValue(f"An owner reveals 1 to {ERAS} keys.")
        if any(len(key) != PUBLIC_KEY_SIZE for key in self.revealed):
            raise InvalidValue("An owner's key has 32 bytes.")
        if len(self.rest) != len(END):
            raise InvalidValue("The hash of an owner's later keys has 32 bytes.")
        if (self.rest == END) != (len(self.revealed) == ERAS):
            raise InvalidValue("An owner's chain ends after nine keys, neither before nor later.")

    @property
    def owner_id(self) -> OwnerId:
        """The owner that this chain was committed to at birth, recomputed."""
        return OwnerId(functools.reduce(lambda rest, key: _link(key, rest), reversed(self.revealed), self.rest))

    @property
    def era(self) -> int:
        """0 at birth, one more with each rotation or transfer."""
        return len(self.revealed) - 1

    @property
    def is_revocation(self) -> bool:
        """Whether this is the last era, in which a signature means that the owner is revoked."""
        return self.era == REVOCATION_ERA

    @property
    def signer(self) -> bytes:
        """The public key of the present era: the only one whose signatures count together with this key set."""
        return self.revealed[-1]

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the present era's key made the signature."""
        return verify(self.signer, message, signature)

    def __repr__(self) -> str:
        return f"KeySet({self.owner_id.short} era {self.era})"


@attrs.frozen(slots=True, repr=False)
class OwnerKey:
    """What a machine holds of an owner: the present era's private key (a 32-byte seed) and its key set.

    Raises:
        InvalidValue: the seed is not that of the key set's last revealed key.
    """

    keyset: KeySet
    seed: bytes = attrs.field()

    @seed.validator
    def _check(self, _attribute: object, value: bytes) -> None:
        if public_key_of(value) != self.keyset.signer:
            raise InvalidValue("This is not the private key of the owner's present era.")

    @property
    def owner_id(self) -> OwnerId:
        """The owner."""
        return self.keyset.owner_id

    @property
    def era(self) -> int:
        """The era in which this key signs."""
        return self.keyset.era

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of `message`, which must begin with the caller's domain."""
        return sign(self.seed, message)

    def __repr__(self) -> str:
        return f"OwnerKey({self.owner_id.short} era {self.era})"


class OwnerChain:
    """All nine private keys, as long as a command needs them: at birth, to open the next era, to revoke."""

    __slots__ = ("_public", "_seeds")

    def __init__(self, entropy: bytes) -> None:
        if len(entropy) != ENTROPY_SIZE:
            raise InvalidValue("An owner's chain is derived from 32 bytes.")
        self._seeds = tuple(
            hashlib.blake2b(bytes([era]), digest_size=32, key=bytes(entropy), person=_DERIVE).digest()
            for era in range(ERAS)
        )
        self._public = tuple(public_key_of(seed) for seed in self._seeds)

    @classmethod
    def from_phrase(cls, words: str) -> "OwnerChain":
        """The chain of a recovery phrase of 24 words; raise `InvalidValue` as `check_phrase` does."""
        return cls(phrase_entropy(words))

    @property
    def owner_id(self) -> OwnerId:
        """The owner, the same in every era."""
        return self.keyset(0).owner_id

    def keyset(self, era: int) -> KeySet:
        """What is public once `era` (0 to 8) is open."""
        if not 0 <= era < ERAS:
            raise InvalidValue(f"An owner has eras 0 to {REVOCATION_ERA}: a new recovery phrase makes a new owner.")
        rest = functools.reduce(lambda rest, key: _link(key, rest), reversed(self._public[era + 1 :]), END)
        return KeySet(self._public[: era + 1], rest)

    def era_key(self, era: int) -> OwnerKey:
        """What a machine holds in `era` (0 to 8; 8 is the revocation)."""
        return OwnerKey(self.keyset(era), self._seeds[era])

    def __repr__(self) -> str:
        return f"OwnerChain({self.owner_id.short})"
