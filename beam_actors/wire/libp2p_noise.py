"""libp2p's use of Noise XX: which identity key stands behind a static key, and the early choice of a muxer.

Source: libp2p/specs noise. A handshake message travels behind its length (two bytes, big-endian). Rules:

- The first message carries no payload. The second and third carry the sender's identity key, its signature over the
  static key, and the muxers that it would speak, since this program honours them.
- Only Ed25519 identities exist here; a peer with another kind of key is refused.
- After `RemoteProtocolError` nothing more is written: the peer learns that it failed, never why.

It knows the ciphers' results only as `CipherState`, and nothing of what they will carry.
"""

from typing import Final

import attrs

from beam_actors.errors import InvalidValue, RemoteProtocolError, WrongPeer
from beam_actors.identity import PeerKey, verify
from beam_actors.values import PeerId
from beam_actors.wire.noise import CipherState, Handshake, Role, Suite
from beam_actors.wire.protobuf import field, read_fields, want_bytes

SIGNATURE_DOMAIN: Final = b"noise-libp2p-static-key:"
MAX_HANDSHAKE_MESSAGE: Final = 4096
"""Bytes; a payload with key, signature and a few extensions has some 200."""
_KEY_PREFIX: Final = bytes.fromhex("08011220")
_IDENTITY_KEY, _IDENTITY_SIGNATURE, _EXTENSIONS = 1, 2, 4
_STREAM_MUXERS = 2


def encode_public_key(peer: PeerId) -> bytes:
    """The protobuf form of an Ed25519 public key (libp2p/specs peer-ids), 36 bytes."""
    return _KEY_PREFIX + peer.public_key


def decode_public_key(data: bytes) -> PeerId:
    """Read the protobuf form; raise `RemoteProtocolError` if it is not an Ed25519 key."""
    if len(data) != 36 or not data.startswith(_KEY_PREFIX):
        raise RemoteProtocolError("The peer's identity is not an Ed25519 key.")
    try:
        return PeerId(data[4:])
    except InvalidValue as error:
        raise RemoteProtocolError("The peer's identity is not an Ed25519 key.") from error


@attrs.frozen(slots=True)
class Payload:
    """What a peer proves and offers in its handshake payload."""

    peer: PeerId
    muxers: tuple[str, ...]


def encode_payload(key: PeerKey, static_public: bytes, muxers: tuple[str, ...]) -> bytes:
    """The payload of this end, signed with its identity key."""
    extensions = b"".join(field(_STREAM_MUXERS, muxer) for muxer in muxers)
    return (
        field(_IDENTITY_KEY, encode_public_key(key.peer_id))
        + field(_IDENTITY_SIGNATURE, key.sign(SIGNATURE_DOMAIN + static_public))
        + (field(_EXTENSIONS, extensions) if muxers else b"")
    )


def decode_payload(data: bytes, static_public: bytes) -> Payload:
    """Read a payload and check its signature over the static key that the peer proved to hold.

    Raises:
        RemoteProtocolError: a part is missing, malformed, or the signature is not the identity's.
    """
    key = signature = b""
    muxers: tuple[str, ...] = ()
    for number, value in read_fields(data):
        if number == _IDENTITY_KEY:
            key = want_bytes(value)
        elif number == _IDENTITY_SIGNATURE:
            signature = want_bytes(value)
        elif number == _EXTENSIONS:
            muxers = _decode_muxers(want_bytes(value))
    peer = decode_public_key(key)
    if not verify(peer.public_key, SIGNATURE_DOMAIN + static_public, signature):
        raise RemoteProtocolError("The peer did not prove its identity.")
    return Payload(peer, muxers)


def _decode_muxers(data: bytes) -> tuple[str, ...]:
    try:
        return tuple(want_bytes(value).decode() for number, value in read_fields(data) if number == _STREAM_MUXERS)
    except UnicodeDecodeError as error:
        raise RemoteProtocolError("A muxer's name is not UTF-8.") from error


class SecureHandshake:
    """One end of the handshake as bytes in and out. It is over when `complete`; then `remote` is set.

    Args:
        suite: the cipher suite that both ends agreed to.
        role: the initiator writes first.
        key: this peer's identity.
        static_seed: 32 secret bytes of this process's static Noise key.
        ephemeral_seed: 32 fresh secret bytes, never used before.
        expected: the only peer that is acceptable at the other end, if known.
        muxers: what this end would speak, most wanted first.
    """

    __slots__ = ("_expected", "_handshake", "_held", "_key", "_muxers", "_role", "remote", "suite")

    def __init__(
        self,
        suite: Suite,
        role: Role,
        *,
        key: PeerKey,
        static_seed: bytes,
        ephemeral_seed: bytes,
        expected: PeerId | None,
        muxers: tuple[str, ...],
    ) -> None:
        self._handshake = Handshake(suite, role, static_seed=static_seed, ephemeral_seed=ephemeral_seed)
        self._key = key
        self._role = role
        self._expected = expected
        self._muxers = muxers
        self._held = b""
        self.suite = suite
        self.remote: Payload | None = None

    def opening(self) -> bytes:
        """What is sent before anything was received: the initiator's first message, or nothing."""
        return _framed(self._handshake.write()) if self._handshake.my_turn else b""

    def receive(self, data: memoryview) -> tuple[int, bytes]:
        """Feed bytes: (how many were used, bytes to send). Uses nothing after the last handshake message.

        Raises:
            RemoteProtocolError: a message is wrong, too long, or proves nothing.
            WrongPeer: the other end is a peer, but not the expected one.
        """
        used = 0
        replies = b""
        while not self._handshake.complete:
            head = self._held + bytes(data[used : used + 2 + MAX_HANDSHAKE_MESSAGE - len(self._held)])
            size = int.from_bytes(head[:2], "big")
            if len(head) >= 2 and not 0 < size <= MAX_HANDSHAKE_MESSAGE:
                raise RemoteProtocolError("A handshake message has an impossible length.")
            if len(head) < 2 or len(head) < 2 + size:
                self._held = head
                return len(data), replies
            used += 2 + size - len(self._held)
            self._held = b""
            replies += self._step(head[2 : 2 + size])
        return used, replies

    def ciphers(self) -> tuple[CipherState, CipherState]:
        """The ciphers (to send with, to receive with), once."""
        return self._handshake.split()

    @property
    def complete(self) -> bool:
        """Whether both ends proved themselves; the last message may still wait to be sent."""
        return self._handshake.complete

    @property
    def muxer(self) -> str | None:
        """The muxer that both payloads chose: the first of the initiator's that both have; None: negotiate one."""
        theirs = self.remote.muxers if self.remote is not None else ()
        first, second = (self._muxers, theirs) if self._role is Role.INITIATOR else (theirs, self._muxers)
        return next((muxer for muxer in first if muxer in second), None)

    def _step(self, message: bytes) -> bytes:
        payload = self._handshake.read(message)
        if self._handshake.remote_static:
            self.remote = decode_payload(payload, self._handshake.remote_static)
            if self._expected is not None and self.remote.peer != self._expected:
                raise WrongPeer(f"{self._expected} was expected at this address; {self.remote.peer} answered.")
        elif payload:
            raise RemoteProtocolError("The first handshake message carries a payload.")
        if not self._handshake.my_turn:
            return b""
        return _framed(self._handshake.write(encode_payload(self._key, self._handshake.static_public, self._muxers)))


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message
