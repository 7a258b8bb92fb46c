"""A machine's key and the one check of signatures that everybody uses.

Invariant: what `verify` accepts here is accepted by every strict, cofactorless Ed25519 verifier (RFC 8032 §5.1.7): a
scalar S below the group order, a canonical public key and R, neither of small order. A signature of a known message
therefore cannot be re-made in a second form, and no key signs everything. This module knows no files, no entropy
source and no owner; callers prefix what they sign with a domain of their own.
"""

import attrs
from nacl import bindings
from nacl.exceptions import CryptoError

from beam_actors.errors import InvalidValue
from beam_actors.values import PeerId

SEED_SIZE = 32
PUBLIC_KEY_SIZE = 32
SIGNATURE_SIZE = 64


def public_key_of(seed: bytes) -> bytes:
    """The Ed25519 public key of a 32-byte seed; raise `InvalidValue` for any other length."""
    return _expand(seed)[:PUBLIC_KEY_SIZE]


def sign(seed: bytes, message: bytes) -> bytes:
    """The 64-byte signature of `message` (RFC 8032 §5.1.6, deterministic)."""
    return _sign_expanded(_expand(seed)[PUBLIC_KEY_SIZE:], message)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is a strict Ed25519 signature; wrong lengths are simply not one."""
    if len(public_key) != PUBLIC_KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        return False
    # libsodium: S < L, public key canonical and not of small order, R likewise, and R compared byte by byte.
    # tests/identity/test_keys.py holds a newer libsodium to each of these.
    try:
        bindings.crypto_sign_open(bytes(signature) + bytes(message), bytes(public_key))
    except CryptoError:
        return False
    return True


@attrs.frozen(slots=True, repr=False)
class PeerKey:
    """The Ed25519 key of one machine. Never copied to another, never shown: its repr is the peer id."""

    peer_id: PeerId
    _expanded: bytes = attrs.field(alias="expanded")

    @classmethod
    def from_seed(cls, seed: bytes) -> "PeerKey":
        """The key of a 32-byte seed (random for a new machine); raise `InvalidValue` for any other length."""
        expanded = _expand(seed)
        return cls(PeerId(expanded[:PUBLIC_KEY_SIZE]), expanded[PUBLIC_KEY_SIZE:])

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self.peer_id.public_key

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes, for the keystore alone."""
        return self._expanded[:SEED_SIZE]

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of `message`, which must begin with the caller's domain."""
        return _sign_expanded(self._expanded, message)

    def __repr__(self) -> str:
        return f"PeerKey({self.peer_id})"


def _expand(seed: bytes) -> bytes:
    """The public key, then libsodium's secret form (the seed and the public key again): 96 bytes."""
    if len(seed) != SEED_SIZE:
        raise InvalidValue("The seed of an Ed25519 key has 32 bytes.")
    public, secret = bindings.crypto_sign_seed_keypair(bytes(seed))
    return bytes(public) + bytes(secret)


def _sign_expanded(expanded: bytes, message: bytes) -> bytes:
    return bytes(bindings.crypto_sign(bytes(message), expanded)[:SIGNATURE_SIZE])
