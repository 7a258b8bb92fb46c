"""The id of a peer, which is a machine: libp2p's peer id of an Ed25519 key.

Source: libp2p/specs peer-ids. The id of an Ed25519 key is the identity multihash of its protobuf form, so the key can
be read back from the id, and no peer id of another key type is accepted.
"""

import base64
import binascii
from functools import cached_property

import attrs

from beam_actors.errors import InvalidValue
from beam_actors.values.base58 import decode_base58, encode_base58

_PREFIX = bytes.fromhex("0024080112")  # identity multihash of 36 bytes; protobuf: key type 1 (Ed25519), then the data
_HEADER = _PREFIX + b"\x20"
_CID_V1_LIBP2P_KEY = b"\x01\x72"
_MAX_TEXT = 100


@attrs.frozen(slots=True, repr=False, order=True)
class PeerId:
    """A machine's identity: 32 bytes of Ed25519 public key, written `12D3Koo…`."""

    public_key: bytes = attrs.field()

    @public_key.validator
    def _check(self, _attribute: object, value: bytes) -> None:
        if len(value) != 32:
            raise InvalidValue("An Ed25519 public key has 32 bytes.")

    def __hash__(self) -> int:
        """The key's, which it keeps: peers are keys wherever one looks."""
        return hash(self.public_key)

    @classmethod
    def parse(cls, text: str) -> "PeerId":
        """Parse base58 (`12D3Koo…`) or a CIDv1 in base32 (`bafz…`); raise `InvalidValue`."""
        if not text or len(text) > _MAX_TEXT:
            raise InvalidValue(f"{text[:_MAX_TEXT]!r} is not a peer id.")
        if text.startswith("b"):
            try:
                raw = base64.b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))
            except (binascii.Error, ValueError):
                raise InvalidValue(f"{text!r} is not a peer id.") from None
            if not raw.startswith(_CID_V1_LIBP2P_KEY):
                raise InvalidValue(f"{text!r} is not a peer id.")
            if base64.b32encode(raw).decode("ascii").lower().rstrip("=") != text[1:]:
                raise InvalidValue(f"{text!r} is not a peer id in its only spelling.")
            return cls.from_multihash(raw[2:])
        try:
            return cls.from_multihash(decode_base58(text))
        except InvalidValue:
            raise InvalidValue(f"{text!r} is not the id of an Ed25519 peer (12D3Koo…).") from None

    @classmethod
    def from_multihash(cls, data: bytes) -> "PeerId":
        """Read the binary form that stands in multiaddrs and protobufs (38 bytes)."""
        if len(data) != 38 or not data.startswith(_HEADER):
            raise InvalidValue("This is not the id of an Ed25519 peer.")
        return cls(bytes(data[6:]))

    @property
    def multihash(self) -> bytes:
        """The binary form, 38 bytes."""
        return _HEADER + self.public_key

    @property
    def short(self) -> str:
        """The last eight characters, for logs and actor paths; so no sign says that others go before.

        The first ones are the same for most peers. `OwnerId.short` has such a sign, as people copy it into commands.
        """
        return self._text[-8:]

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        return encode_base58(self.multihash)  # which is slow, and asked for again with each line of the log

    def __repr__(self) -> str:
        return f"PeerId({self})"
