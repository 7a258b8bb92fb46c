"""How to sign and how to spoil claims: genuine ones as any owner could sign them, and bytes that only look like one."""

from collections.abc import Iterator

from beam_actors.identity import OwnerKey
from beam_actors.naming import Claim, Kind, Terms
from beam_actors.naming.limits import DAY, HOUR
from beam_actors.values import Name, OwnerId, PeerId, cbor


def signed(
    key: OwnerKey,
    network: str,
    name: Name,
    *,
    issued: int,
    seq: int | None = None,
    kind: Kind = Kind.LIVE,
    peer: PeerId | None = None,
    ttl: int = HOUR,
    valid: int = 30 * DAY,
    inherits: bytes = b"",
    successor: OwnerId | None = None,
) -> Claim:
    """A genuine claim, whatever its owner means by it. Times in seconds since 1970, `ttl` and `valid` in seconds."""
    terms = Terms(
        network=network,
        name=name,
        keyset=key.keyset,
        seq=issued // HOUR if seq is None else seq,
        kind=kind,
        peers=() if peer is None or kind is not Kind.LIVE else (peer,),
        issued=issued,
        not_before=issued,
        not_after=issued + valid,
        ttl=ttl if kind is Kind.LIVE else 0,
        inherits=inherits,
        successor=successor,
    )
    return Claim.sign(terms, key)


def forgeries(claim: Claim, thief: OwnerKey, peer: PeerId) -> Iterator[bytes]:
    """What a thief without the owner's key can make of a claim: other machines or a higher number, badly signed."""
    fields = cbor.decode(claim.body, limit=len(claim.body))
    moved = cbor.encode(fields | {8: [peer.multihash]})
    later = cbor.encode(fields | {6: fields[6] + 1, 8: [peer.multihash] if fields[8] else []})
    dead = cbor.encode(fields | {6: fields[6] + 1, 7: int(Kind.TOMBSTONE), 8: [], 12: 0, 15: b""})
    for body in (moved, later, dead):
        yield cbor.encode([body, claim.signature])
        yield cbor.encode([body, bytes(64)])
        yield cbor.encode([body, thief.sign(b"beam-actors/claim/1\x00" + body)])


def dialects(claim: Claim) -> Iterator[bytes]:
    """The claim's content in encodings that are not its only one, and near misses of the format."""
    body, signature = claim.body, claim.signature
    fields = cbor.decode(body, limit=len(body))
    pair = cbor.encode([body, signature])
    yield pair + b"\x00"  # trailing bytes
    yield b"\x9f" + pair[1:] + b"\xff"  # an array of indefinite length
    yield b"\x98\x02" + pair[1:]  # its length in two bytes
    yield b"\xd9\xd9\xf7" + pair  # "this is CBOR"
    yield cbor.encode([body, signature, b""])
    backwards = b"\xb0" + b"".join(cbor.encode(key) + cbor.encode(fields[key]) for key in sorted(fields, reverse=True))
    yield cbor.encode([backwards, signature])
    yield cbor.encode([cbor.encode(fields | {17: b"more"}), signature])
    yield cbor.encode([cbor.encode({key: value for key, value in fields.items() if key != 16}), signature])
    yield cbor.encode([cbor.encode(fields | {1: 2}), signature])
    yield cbor.encode([cbor.encode(fields | {6: True}), signature])
    yield cbor.encode([cbor.encode(fields | {3: str(fields[3]).upper()}), signature])
    yield cbor.encode([cbor.encode(fields | {7: 9}), signature])
    yield b"\xa0"
