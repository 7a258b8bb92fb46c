"""libp2p's use of Noise XX: which identity key stands behind a static key, and the early choice of a muxer.

Source: libp2p/specs noise. Rules:

- The first message carries no payload. The second and third carry the sender's identity key, its signature over the
  static key, and the muxers that it would speak, since this program honours them.
- Only Ed25519 identities exist here; a peer with another kind of key is refused.
- After `RemoteProtocolError` nothing more is written: the peer learns that it failed, never why.

It knows the ciphers' results only as `CipherState`, and nothing of what they will carry.
"""

from typing import Final

from beam_actors.errors import InvalidValue, RemoteProtocolError
from beam_actors.identity import PeerKey, verify
from beam_actors.values import PeerId
from beam_actors.wire.handshaking import Handshaking, Payload
from beam_actors.wire.noise import CipherState, Handshake, Role, Suite
from beam_actors.wire.protobuf import field, read_fields, want_bytes

SIGNATURE_DOMAIN: Final = b"noise-libp2p-static-key:"
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


class SecureHandshake(Handshaking):
    """One end of the handshake.

    Args:
        static_seed: 32 secret bytes of this process's static Noise key.
        ephemeral_seed: 32 fresh secret bytes, never used before.
        suite, role, key, expected, muxers: see `Handshaking`.
    """

    __slots__ = ("_handshake",)

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
        super().__init__(suite, role, key=key, expected=expected, muxers=muxers)
        self._handshake = Handshake(suite, role, static_seed=static_seed, ephemeral_seed=ephemeral_seed)

    def opening(self) -> bytes:
        """See `Handshaking`."""
        return self._framed(self._handshake.write()) if self._handshake.my_turn else b""

    def ciphers(self) -> tuple[CipherState, CipherState]:
        """See `Handshaking`."""
        return self._handshake.split()

    @property
    def complete(self) -> bool:
        """See `Handshaking`."""
        return self._handshake.complete

    def _step(self, message: bytes) -> bytes:
        payload = self._handshake.read(message)
        if self._handshake.remote_static:
            self._meet(decode_payload(payload, self._handshake.remote_static))
        elif payload:
            raise RemoteProtocolError("The first handshake message carries a payload.")
        if not self._handshake.my_turn:
            return b""
        return self._framed(
            self._handshake.write(encode_payload(self._key, self._handshake.static_public, self._muxers))
        )
