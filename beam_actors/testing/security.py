"""What a simulation gives sessions instead of plain Noise: Noise that is watched, or a security that costs nothing.

Invariant: `Seals` sees every key and nonce with which anything is sealed, in the order of sealing, and changes nothing
of it. `LIGHT` proves nothing and hides nothing, but keeps what a session does otherwise: three messages, identities,
an early muxer, records with a tag that tells a lost, repeated or foreign one. Neither can be reached from the command
line: the testing room is imported by no other.
"""

import enum
import hashlib
from collections.abc import Callable
from typing import Final

import attrs
from cryptography.exceptions import InvalidTag

from beam_actors.errors import InvalidValue, RemoteProtocolError
from beam_actors.identity import PeerKey
from beam_actors.ports import Buffer
from beam_actors.values import PeerId
from beam_actors.wire import SUITES, TAG_SIZE, Aead, CipherState, Handshaking, Payload, Role, Security, Suite

_MOST: Final = 100


class Profile(enum.StrEnum):
    """What the sessions of a world's daemons are secured by; all else is the same."""

    FULL = "full"
    """Production Noise, each of whose seals is watched."""
    LIGHT = "light"
    """Nothing: for thousands of daemons in one process."""


class Seals:
    """All keys that sealed something, each with its last nonce; `reused` lists what Noise forbids.

    Noise counts its nonces upwards, so a nonce that isn't greater than the key's last one is, or may be, a repetition.
    """

    def __init__(self) -> None:
        self._last: dict[bytes, int] = {}
        self.count = 0
        self.reused: list[str] = []
        """In words, the first hundred."""

    @property
    def keys(self) -> int:
        """How many keys sealed something."""
        return len(self._last)

    def security(self) -> Security:
        """Noise whose every seal is entered here."""
        return Security(suites=tuple(attrs.evolve(suite, aead=self._watched(suite)) for suite in SUITES))

    def enter(self, suite: Suite, key: bytes, nonce: bytes) -> None:
        """Something is being sealed. `nonce` is as the suite packs it."""
        self.count += 1
        counter = int.from_bytes(nonce[4:], "big" if suite.pack_nonce(1)[-1] else "little")
        last = self._last.get(key, -1)
        if counter <= last and len(self.reused) < _MOST:
            self.reused.append(f"{suite.noise_name}: nonce {counter} after {last}, key {_named(key)}")
        self._last[key] = max(counter, last)

    def _watched(self, suite: Suite) -> Callable[[bytes], Aead]:
        return lambda key: _WatchedAead(self, suite, key)

    def __repr__(self) -> str:
        return f"<Seals {self.count} with {self.keys} keys, {len(self.reused)} reused>"


class _WatchedAead:
    __slots__ = ("_inner", "_key", "_seals", "_suite", "decrypt_into")

    def __init__(self, seals: Seals, suite: Suite, key: bytes) -> None:
        self._seals = seals
        self._suite = suite
        self._key = key
        self._inner = suite.aead(key)
        self.decrypt_into = self._inner.decrypt_into

    def encrypt_into(self, nonce: bytes, data: Buffer, associated_data: bytes | None, buf: Buffer) -> int:
        self._seals.enter(self._suite, self._key, nonce)
        return self._inner.encrypt_into(nonce, data, associated_data, buf)


def _named(key: bytes) -> str:
    """A name of a key that isn't the key: even a simulated secret has no place in a report."""
    return hashlib.blake2b(key, digest_size=8).hexdigest()


class _NoAead:
    """Seals nothing: the tag is the nonce and four bytes of the key, so that order and ends still matter."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key[:4]

    def encrypt_into(self, nonce: bytes, data: Buffer, _associated_data: bytes | None, buf: Buffer) -> int:
        size, out = len(data), memoryview(buf)
        out[:size] = data
        out[size : size + TAG_SIZE] = nonce + self._key
        return size + TAG_SIZE

    def decrypt_into(self, nonce: bytes, data: Buffer, _associated_data: bytes | None, buf: Buffer) -> int:
        size = len(data) - TAG_SIZE
        if bytes(data[size:]) != nonce + self._key:
            raise InvalidTag
        memoryview(buf)[:size] = data[:size]
        return size


_PLAIN: Final = Suite("Simulated", "/beam/simulated/1", _NoAead, lambda nonce: nonce.to_bytes(12, "big"), beam=True)
_KEY_SIZE: Final = 32


class _Introductions(Handshaking):
    """Three messages, as in Noise XX, the first of which says nothing and the others who speaks; nothing is proved."""

    __slots__ = ("_index", "_initiator", "_sum")

    def __init__(
        self,
        suite: Suite,
        role: Role,
        *,
        key: PeerKey,
        static_seed: bytes,  # noqa: ARG002  # there are no Noise keys here
        ephemeral_seed: bytes,
        expected: PeerId | None,
        muxers: tuple[str, ...],
    ) -> None:
        super().__init__(suite, role, key=key, expected=expected, muxers=muxers)
        self._initiator = role is Role.INITIATOR
        self._index = 0
        self._sum = ephemeral_seed[:16] if self._initiator else b""

    @property
    def complete(self) -> bool:
        return self._index == 3

    def opening(self) -> bytes:
        return self._write(self._sum) if self._initiator else b""

    def ciphers(self) -> tuple[CipherState, CipherState]:
        mine, theirs = (b"i", b"r") if self._initiator else (b"r", b"i")
        return CipherState(self.suite, mine + self._sum), CipherState(self.suite, theirs + self._sum)

    def _step(self, message: bytes) -> bytes:
        self._index += 1
        if self._index == 1:
            self._sum = message
            return self._write(self._hello())
        try:
            peer = PeerId(message[:_KEY_SIZE])
        except InvalidValue as error:
            raise RemoteProtocolError("The peer's identity is not an Ed25519 key.") from error
        self._meet(Payload(peer, tuple(message[_KEY_SIZE:].decode("ascii", "replace").split("\n"))))
        return self._write(self._hello()) if self._initiator else b""

    def _write(self, message: bytes) -> bytes:
        self._index += 1
        return self._framed(message)

    def _hello(self) -> bytes:
        return self._key.peer_id.public_key + "\n".join(self._muxers).encode("ascii")


LIGHT: Final = Security(suites=(_PLAIN,), handshake=_Introductions)
"""For thousands of nodes in one process. Sessions behave as ever; they are neither secret nor authentic."""
