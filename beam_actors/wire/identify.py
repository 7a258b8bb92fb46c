"""The identify protocol's message: what a peer says about itself. `/ipfs/id/1.0.0` and its push.

Source: libp2p/specs identify. On the wire a message is a protobuf behind its length; implementations send one or two
and then finish the stream. Everything read here is a claim by the peer: sizes and counts are clamped, addresses that
this program cannot use are skipped, control characters are removed from texts. The public key is the one field that
is held to the session's proof.
"""

from typing import Final, TypeVar

import attrs

from beam_actors.errors import InvalidValue, RemoteProtocolError, WrongPeer
from beam_actors.values import Multiaddr, PeerId
from beam_actors.wire.framing import FrameReader, frame
from beam_actors.wire.libp2p_noise import decode_public_key, encode_public_key
from beam_actors.wire.protobuf import field, read_fields

PROTOCOL: Final = "/ipfs/id/1.0.0"
PUSH_PROTOCOL: Final = "/ipfs/id/push/1.0.0"
MAX_MESSAGE: Final = 8192
"""Bytes of one message; go and js read as much, rust 4 KiB."""
MAX_MESSAGES: Final = 10
MAX_ADDRESSES: Final = 32
MAX_PROTOCOLS: Final = 128
MAX_TEXT: Final = 128

_PUBLIC_KEY, _ADDRESSES, _PROTOCOLS, _OBSERVED, _VERSION, _AGENT, _RECORD = 1, 2, 3, 4, 5, 6, 8


@attrs.frozen(slots=True)
class IdentifyInfo:
    """What one end tells the other about itself. Texts have at most 128 characters."""

    agent: str = ""
    protocol_version: str = ""
    protocols: tuple[str, ...] = ()
    addresses: tuple[Multiaddr, ...] = ()
    observed: Multiaddr | None = None
    """The address from which the sender sees the receiver."""
    signed_record: bytes = b""
    """A signed peer record in its envelope, unchecked."""


def encode_info(info: IdentifyInfo, peer: PeerId) -> bytes:
    """The message behind its length."""
    out = field(_PUBLIC_KEY, encode_public_key(peer))
    out += b"".join(field(_ADDRESSES, address.to_bytes()) for address in info.addresses[:MAX_ADDRESSES])
    out += b"".join(field(_PROTOCOLS, protocol) for protocol in info.protocols[:MAX_PROTOCOLS])
    if info.observed is not None:
        out += field(_OBSERVED, info.observed.to_bytes())
    out += field(_VERSION, info.protocol_version[:MAX_TEXT]) + field(_AGENT, info.agent[:MAX_TEXT])
    if info.signed_record:
        out += field(_RECORD, info.signed_record)
    return frame(out)


class InfoReader:
    """Collects the messages of one identify stream.

    Raises:
        RemoteProtocolError: too long, too many or malformed.
        WrongPeer: in the name of another key.
    """

    __slots__ = ("_messages", "_peer", "_reader", "info")

    def __init__(self, peer: PeerId) -> None:
        self._peer = peer
        self._reader = FrameReader(MAX_MESSAGE)
        self._messages = 0
        self.info: IdentifyInfo | None = None

    def receive(self, data: memoryview) -> None:
        """Feed bytes; `info` is set once a message is complete, and later messages add to it."""
        self._reader.feed(data)
        while (message := self._reader.next()) is not None:
            self._messages += 1
            if self._messages > MAX_MESSAGES:
                raise RemoteProtocolError("The peer identifies itself without end.")
            self.info = _merge(self.info or IdentifyInfo(), message, self._peer)


def _merge(info: IdentifyInfo, message: bytes, peer: PeerId) -> IdentifyInfo:
    """`info` with what a further message says: lists grow, the rest is replaced."""
    fields: dict[int, list[bytes]] = {}
    for number, value in read_fields(message):
        if isinstance(value, bytes):
            fields.setdefault(number, []).append(value)
    if any(decode_public_key(key) != peer for key in fields.get(_PUBLIC_KEY, ())):
        raise WrongPeer("The peer identifies itself with a key that is not its own.")
    addresses = [address for data in fields.get(_ADDRESSES, ()) if (address := _address(data)) is not None]
    observed = [_address(data) for data in fields.get(_OBSERVED, ())]
    return IdentifyInfo(
        agent=_text(fields, _AGENT, info.agent),
        protocol_version=_text(fields, _VERSION, info.protocol_version),
        protocols=_joined(info.protocols, [_clean(data) for data in fields.get(_PROTOCOLS, ())], MAX_PROTOCOLS),
        addresses=_joined(info.addresses, addresses, MAX_ADDRESSES),
        observed=_without_peer(observed[-1]) if observed else info.observed,
        signed_record=fields.get(_RECORD, [info.signed_record])[-1],
    )


T = TypeVar("T")


def _joined(old: tuple[T, ...], new: list[T], limit: int) -> tuple[T, ...]:
    return tuple(dict.fromkeys([*old, *new]))[:limit]


def _text(fields: dict[int, list[bytes]], number: int, default: str) -> str:
    return _clean(fields[number][-1]) if number in fields else default


def _address(data: bytes) -> Multiaddr | None:
    try:
        return Multiaddr.from_bytes(data)
    except InvalidValue:
        return None


def _without_peer(address: Multiaddr | None) -> Multiaddr | None:
    """js-libp2p ends the observed address in this node's own id."""
    try:
        return address.without_peer if address is not None else None
    except InvalidValue:
        return None


def _clean(data: bytes) -> str:
    text = data[: 4 * MAX_TEXT].decode(errors="replace")[:MAX_TEXT]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
