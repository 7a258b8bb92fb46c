"""Signed peer records: a peer's own word for where it listens, which anybody may pass on.

Source: libp2p/specs RFC 0002 (signed envelopes) and RFC 0003 (address records). A record is accepted only when the
key in its envelope is the key of the peer that it speaks of, so a stranger cannot place addresses for another peer.
Invariant: of two records of one peer the greater `seq` is the newer; nothing here looks at a clock.
"""

import attrs

from beam_actors.errors import InvalidValue, RemoteProtocolError
from beam_actors.identity import PeerKey, verify
from beam_actors.values import Multiaddr, PeerId, encode_uvarint
from beam_actors.wire.protobuf import field, read_fields, want_bytes, want_int

MAX_RECORD = 4096
MAX_ADDRESSES = 16
DOMAIN = b"libp2p-peer-record"
PAYLOAD_TYPE = b"\x03\x01"
_PUBLIC_KEY, _PAYLOAD_TYPE, _PAYLOAD, _SIGNATURE = 1, 2, 3, 5
_PEER_ID, _SEQ, _ADDRESS_INFO = 1, 2, 3
_MULTIADDR = 1
_KEY_HEADER = bytes.fromhex("08011220")  # crypto.pb.PublicKey: type 1 (Ed25519), then 32 bytes


@attrs.frozen(slots=True)
class PeerRecord:
    """Where `peer` says that it listens. `envelope` holds the signed bytes, to keep and to pass on unchanged."""

    peer: PeerId
    seq: int
    addresses: tuple[Multiaddr, ...]
    envelope: bytes = attrs.field(repr=False, eq=False)


def sign_record(key: PeerKey, seq: int, addresses: tuple[Multiaddr, ...]) -> PeerRecord:
    """Make this machine's own record; `seq` must exceed that of every earlier one (wall seconds will do)."""
    kept = addresses[:MAX_ADDRESSES]
    payload = field(_PEER_ID, key.peer_id.multihash) + field(_SEQ, seq)
    payload += b"".join(field(_ADDRESS_INFO, field(_MULTIADDR, address.to_bytes())) for address in kept)
    envelope = (
        field(_PUBLIC_KEY, _KEY_HEADER + key.public_key)
        + field(_PAYLOAD_TYPE, PAYLOAD_TYPE)
        + field(_PAYLOAD, payload)
        + field(_SIGNATURE, key.sign(_signed_bytes(payload)))
    )
    return PeerRecord(key.peer_id, seq, kept, envelope)


def open_record(envelope: bytes) -> PeerRecord:
    """Read and verify a record; addresses of unknown kinds are left out, at most 16 are kept.

    Raises:
        RemoteProtocolError: it is oversized, malformed, of another type, wrongly signed, or about another peer.
    """
    if len(envelope) > MAX_RECORD:
        raise RemoteProtocolError(f"A signed peer record is longer than {MAX_RECORD} bytes.")
    parts = {number: want_bytes(value) for number, value in read_fields(envelope)}
    key = parts.get(_PUBLIC_KEY, b"")
    if not key.startswith(_KEY_HEADER) or len(key) != len(_KEY_HEADER) + 32:
        raise RemoteProtocolError("A signed peer record is not by an Ed25519 key.")
    if parts.get(_PAYLOAD_TYPE) != PAYLOAD_TYPE:
        raise RemoteProtocolError("A signed envelope holds something else than a peer record.")
    payload = parts.get(_PAYLOAD, b"")
    public_key = key[len(_KEY_HEADER) :]
    if not verify(public_key, _signed_bytes(payload), parts.get(_SIGNATURE, b"")):
        raise RemoteProtocolError("A peer record's signature is wrong.")
    return _read_payload(PeerId(public_key), payload, envelope)


def _read_payload(signer: PeerId, payload: bytes, envelope: bytes) -> PeerRecord:
    seq, peer = 0, b""
    addresses: list[Multiaddr] = []
    for number, value in read_fields(payload):
        if number == _PEER_ID:
            peer = want_bytes(value)
        elif number == _SEQ:
            seq = want_int(value)
        elif number == _ADDRESS_INFO and len(addresses) < MAX_ADDRESSES:
            addresses += [address for address in _addresses(want_bytes(value)) if address not in addresses]
    if peer != signer.multihash:
        raise RemoteProtocolError("A peer record speaks of another peer than its signer.")
    return PeerRecord(signer, seq, tuple(addresses), bytes(envelope))


def _addresses(info: bytes) -> list[Multiaddr]:
    found = []
    for number, value in read_fields(info):
        if number == _MULTIADDR:
            try:
                found.append(Multiaddr.from_bytes(want_bytes(value)))
            except InvalidValue:  # QUIC, WebSocket and others that we do not speak
                continue
    return found[:1]


def _signed_bytes(payload: bytes) -> bytes:
    return b"".join(encode_uvarint(len(part)) + part for part in (DOMAIN, PAYLOAD_TYPE, payload))
