"""The Noise XX handshake over Curve25519 with SHA-256, and the two cipher states that it leaves behind.

Source: noiseprotocol.org, revision 34 (sections in comments). Rules:

- A nonce advances only after the cipher succeeded, and never reaches 2**64 - 1, which Noise reserves (5.1).
- A shared secret of zeros is refused (low-order points; libp2p and RFC 7748 section 6.1).
- Any failure leaves the handshake dead: no second try, no detail for the peer.

It knows nothing of libp2p's payload or of how messages are framed. Private keys come as seeds, so nothing here draws
randomness; secrets never show in reprs.
"""

import enum
import hashlib
import hmac
from collections.abc import Callable
from struct import Struct
from typing import Final, Protocol

import attrs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from beam_actors.errors import LocalProtocolError, RemoteProtocolError

KEY_SIZE: Final = 32
TAG_SIZE: Final = 16
MAX_MESSAGE: Final = 65535
"""Bytes of one Noise message with its tag (3)."""
MAX_PLAINTEXT: Final = MAX_MESSAGE - TAG_SIZE
LAST_NONCE: Final = 2**64 - 2

Buffer = bytes | bytearray | memoryview


class Aead(Protocol):
    """What both ciphers of the cryptography package are."""

    def encrypt_into(self, nonce: bytes, data: Buffer, associated_data: bytes | None, buf: Buffer) -> int:
        """Seal `data` into `buf`."""
        ...

    def decrypt_into(self, nonce: bytes, data: Buffer, associated_data: bytes | None, buf: Buffer) -> int:
        """Open `data` into `buf`; raises `InvalidTag`."""
        ...


class Role(enum.Enum):
    """Who speaks first. The roles of every layer of a session follow from it."""

    INITIATOR = "initiator"
    RESPONDER = "responder"


@attrs.frozen(slots=True)
class Suite:
    """A cipher suite: its Noise name, the protocol by which libp2p negotiates it, the AEAD and its nonce's form."""

    noise_name: str
    protocol: str
    aead: Callable[[bytes], Aead] = attrs.field(repr=False)
    pack_nonce: Callable[[int], bytes] = attrs.field(repr=False)
    beam: bool = False
    """Whether only beam nodes speak it."""


# Section 12.3 and 12.4: 32 bits of zeros, then the counter, little-endian for ChaChaPoly and big-endian for AESGCM.
_LITTLE: Final = Struct("<4xQ").pack
_BIG: Final = Struct(">4xQ").pack

CHACHA: Final = Suite("Noise_XX_25519_ChaChaPoly_SHA256", "/noise", ChaCha20Poly1305, _LITTLE)
AES: Final = Suite("Noise_XX_25519_AESGCM_SHA256", "/beam/noise-aes/1", AESGCM, _BIG, beam=True)


class CipherState:
    """A key and a counter, for one direction (5.1)."""

    __slots__ = ("_aead", "_pack_nonce", "nonce")

    def __init__(self, suite: Suite, key: bytes, nonce: int = 0) -> None:
        self._aead = suite.aead(key)
        self._pack_nonce = suite.pack_nonce
        self.nonce = nonce

    def __repr__(self) -> str:
        return f"<CipherState nonce={self.nonce}>"

    def encrypt_into(self, plaintext: Buffer, out: memoryview, ad: bytes | None = None) -> None:
        """Seal into `out` (16 bytes longer than `plaintext`, which may be its own beginning).

        Raises:
            LocalProtocolError: the counter is used up; the session must end.
        """
        nonce = self.nonce
        if nonce > LAST_NONCE:
            raise LocalProtocolError("The nonces of this session are used up.")
        self._aead.encrypt_into(self._pack_nonce(nonce), plaintext, ad, out)
        self.nonce = nonce + 1

    def decrypt_into(self, ciphertext: Buffer, out: memoryview, ad: bytes | None = None) -> None:
        """Open into `out` (16 bytes shorter than `ciphertext`, and it may be its own beginning).

        Raises:
            RemoteProtocolError: the message is not what the peer sealed under this counter; nothing advances.
        """
        nonce = self.nonce
        if nonce > LAST_NONCE:
            raise RemoteProtocolError("The peer used up the nonces of this session.")
        try:
            self._aead.decrypt_into(self._pack_nonce(nonce), ciphertext, ad, out)
        except InvalidTag:
            raise RemoteProtocolError("A message does not decrypt.") from None
        self.nonce = nonce + 1


class _Symmetric:
    """The chaining key, the transcript hash and, once there is one, a cipher (5.2)."""

    __slots__ = ("_chain", "_cipher", "_suite", "digest")

    def __init__(self, suite: Suite, prologue: bytes) -> None:
        name = suite.noise_name.encode()
        self.digest = name.ljust(32, b"\0") if len(name) <= 32 else hashlib.sha256(name).digest()
        self._chain = self.digest
        self._suite = suite
        self._cipher: CipherState | None = None
        self.mix_hash(prologue)

    def mix_hash(self, data: bytes) -> None:
        self.digest = hashlib.sha256(self.digest + data).digest()

    def mix_key(self, secret: bytes) -> None:
        self._chain, key = self._derive(secret)
        self._cipher = CipherState(self._suite, key)

    def encrypt_and_hash(self, plaintext: bytes) -> bytes:
        sealed = plaintext
        if self._cipher is not None:
            out = bytearray(len(plaintext) + TAG_SIZE)
            self._cipher.encrypt_into(plaintext, memoryview(out), self.digest)
            sealed = bytes(out)
        self.mix_hash(sealed)
        return sealed

    def decrypt_and_hash(self, sealed: bytes) -> bytes:
        plaintext = sealed
        if self._cipher is not None:
            out = bytearray(len(sealed) - TAG_SIZE)
            self._cipher.decrypt_into(sealed, memoryview(out), self.digest)
            plaintext = bytes(out)
        self.mix_hash(sealed)
        return plaintext

    def overhead(self) -> int:
        return 0 if self._cipher is None else TAG_SIZE

    def split(self) -> tuple[CipherState, CipherState]:
        first, second = self._derive(b"")
        return CipherState(self._suite, first), CipherState(self._suite, second)

    def _derive(self, secret: bytes) -> tuple[bytes, bytes]:
        """HKDF with two outputs (4.3)."""
        extracted = hmac.digest(self._chain, secret, "sha256")
        first = hmac.digest(extracted, b"\x01", "sha256")
        return first, hmac.digest(extracted, first + b"\x02", "sha256")


# The pattern XX (7.5): who writes each message follows from its index, the initiator writes the even ones.
_PATTERN: Final = (("e",), ("e", "ee", "s", "es"), ("s", "se"))


class Handshake:
    """One end of Noise XX: `write` and `read` take turns, three messages in all; then `split` once.

    Raises:
        LocalProtocolError: it is not this end's turn, or the handshake failed before.
        RemoteProtocolError: what the peer sent is not what an honest peer sends; from `write`, its key was useless.
    """

    __slots__ = ("_ephemeral", "_failed", "_index", "_initiator", "_remote_e", "_static", "_symmetric", "remote_static")

    def __init__(
        self, suite: Suite, role: Role, *, static_seed: bytes, ephemeral_seed: bytes, prologue: bytes = b""
    ) -> None:
        self._initiator = role is Role.INITIATOR
        self._static = X25519PrivateKey.from_private_bytes(static_seed)
        self._ephemeral = X25519PrivateKey.from_private_bytes(ephemeral_seed)
        self._symmetric = _Symmetric(suite, prologue)
        self._index = 0
        self._failed = False
        self._remote_e = b""
        self.remote_static = b""

    def __repr__(self) -> str:
        side = "initiator" if self._initiator else "responder"
        return f"<Handshake {side} message={self._index}{' failed' if self._failed else ''}>"

    @property
    def static_public(self) -> bytes:
        """This end's static key, 32 bytes."""
        return self._static.public_key().public_bytes_raw()

    @property
    def my_turn(self) -> bool:
        """Whether `write` is the next step."""
        return not self.complete and (self._index % 2 == 0) == self._initiator

    @property
    def complete(self) -> bool:
        """Whether all three messages have passed."""
        return self._index == len(_PATTERN)

    @property
    def transcript(self) -> bytes:
        """The handshake hash (11.2)."""
        return self._symmetric.digest

    def write(self, payload: bytes = b"") -> bytes:
        """The next message."""
        if not self.my_turn or self._failed:
            raise LocalProtocolError("It is not this end's turn in the handshake.")
        self._failed = True
        out = b""
        for step in _PATTERN[self._index]:
            if step == "e":
                public = self._ephemeral.public_key().public_bytes_raw()
                self._symmetric.mix_hash(public)
                out += public
            elif step == "s":
                out += self._symmetric.encrypt_and_hash(self.static_public)
            else:
                self._mix(step)
        out += self._symmetric.encrypt_and_hash(payload)
        if len(out) > MAX_MESSAGE:
            raise LocalProtocolError("A handshake message is longer than 65535 bytes.")
        self._index += 1
        self._failed = False
        return out

    def read(self, message: bytes) -> bytes:
        """Read the peer's message and return its payload."""
        if self.my_turn or self.complete or self._failed:
            raise LocalProtocolError("No handshake message is expected now.")
        self._failed = True
        rest = message
        for step in _PATTERN[self._index]:
            if step == "e":
                self._remote_e, rest = _take(rest, KEY_SIZE)
                self._symmetric.mix_hash(self._remote_e)
            elif step == "s":
                sealed, rest = _take(rest, KEY_SIZE + self._symmetric.overhead())
                self.remote_static = self._symmetric.decrypt_and_hash(sealed)
            else:
                self._mix(step)
        if len(rest) < self._symmetric.overhead():
            raise RemoteProtocolError("A handshake message is cut short.")
        payload = self._symmetric.decrypt_and_hash(rest)
        self._index += 1
        self._failed = False
        return payload

    def split(self) -> tuple[CipherState, CipherState]:
        """The ciphers (to send with, to receive with)."""
        if not self.complete or self._failed:
            raise LocalProtocolError("The handshake is not complete.")
        first, second = self._symmetric.split()
        return (first, second) if self._initiator else (second, first)

    def _mix(self, step: str) -> None:
        """Mix in a Diffie-Hellman result: the first letter is the initiator's key, the second the responder's."""
        mine, theirs = (step[0], step[1]) if self._initiator else (step[1], step[0])
        private = self._ephemeral if mine == "e" else self._static
        public = self._remote_e if theirs == "e" else self.remote_static
        try:
            secret = private.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:
            secret = bytes(KEY_SIZE)
        if not any(secret):
            raise RemoteProtocolError("The peer's key is of low order.")
        self._symmetric.mix_key(secret)


def _take(data: bytes, size: int) -> tuple[bytes, bytes]:
    if len(data) < size:
        raise RemoteProtocolError("A handshake message is cut short.")
    return data[:size], data[size:]
