"""A claim: what one owner signs about one name. Its format is final; another one would be a new version beside it.

    claim     = canonical CBOR [body, signature]                    at most 1,024 bytes
    body      = canonical CBOR map, keys 1 to 16 (see `Field`), all present
    signature = Ed25519 by the last revealed key of the owner over  DOMAIN ‖ body
    id        = SHA-256(DOMAIN ‖ body)

    kept      = columns ‖ claim             columns: kind, era, ttl, seq, issued, not before, not after (see `_COLUMNS`)

Invariant: a `Claim` that exists has the final format, in its only encoding, of this network; whether its signature is
genuine is asked once, by `genuine()`, since that costs more than everything else together. A claim holds no addresses
and no ordering but (era, seq, issued, id). A node may hold a hundred thousand of them: so what is looked at in all of
them stands in columns, with which a claim is stored, too, and the rest is read from its bytes when somebody asks.
"""

import functools
import hashlib
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

import attrs

from beam_actors.errors import ClaimRefused, InvalidValue, LocalProtocolError
from beam_actors.identity import OwnerKey
from beam_actors.naming.limits import MAX_CLAIM
from beam_actors.naming.terms import Field, Kind, Terms, network_of, read_peers, read_terms, read_work
from beam_actors.values import Name, OwnerId, PeerId, cbor

__all__ = ["DOMAIN", "Claim", "Field", "Kind", "Terms", "with_ids"]

DOMAIN: Final = b"beam-actors/claim/1\x00"
_SIGNATURE = 64
_SIGNATURE_HEAD = 2
_COLUMNS = struct.Struct("<BBIQQQQ")
_KINDS = tuple(Kind)
_LONG_BODY = 0x59
"""RFC 8949 §3: the length of the byte string stands in two bytes; before it, in one."""


@attrs.frozen(slots=True, repr=False, weakref_slot=False)
class Claim:
    """Terms and a signature, as received. Equal when their bytes are.

    Made by `sign`, `parse` or `restore` only, so that the attributes below always belong to the bytes.
    """

    kept: bytes
    owner_digest: bytes = attrs.field(eq=False)
    """The owner's id as 32 bytes, without the object that an `OwnerId` is."""
    label: str = attrs.field(eq=False)
    """The name's; empty in a revocation."""
    level: int | None = attrs.field(default=None, eq=False)
    """What this node found its work to be worth; None: that was not looked at, or is not asked for."""

    @classmethod
    def sign(cls, terms: Terms, key: OwnerKey) -> "Claim":
        """Sign the terms with the key of the era that they show; raise `LocalProtocolError` for another key."""
        if key.keyset != terms.keyset:
            raise LocalProtocolError("The key does not belong to the key set of the terms.")
        body = terms.encode()
        signature = key.sign(DOMAIN + body)
        return cls._of(cbor.encode([body, signature]), terms)

    @classmethod
    def revoke(cls, network: str, key: OwnerKey) -> "Claim":
        """The one revocation of the owner whose last key this is."""
        terms = Terms(
            network=network,
            name=None,
            keyset=key.keyset,
            seq=0,
            kind=Kind.REVOCATION,
            issued=0,
            not_before=0,
            not_after=0,
        )
        return cls.sign(terms, key)

    @classmethod
    def parse(
        cls, data: bytes, *, network: str, known: Callable[[bytes], "Claim | None"] = lambda _id: None
    ) -> "Claim":
        """Read a claim of `network`: size, canonical form, version, network, name and the order of its times.

        `known` gives the claim with an id if it was parsed before: most that peers send are, and reading the body is
        nearly all of the work.

        Raises:
            ClaimRefused: `reason` is `size`, `form`, `version`, `network`, `name`, `window` or `seq`.
        """
        if len(data) > MAX_CLAIM:
            raise ClaimRefused("size", f"A claim has at most {MAX_CLAIM} bytes; this one has {len(data)}.")
        try:
            body = _body(cbor.decode(data, limit=MAX_CLAIM))
        except InvalidValue as error:
            raise ClaimRefused("form", str(error)) from None
        return known(_id_of(body)) or cls._of(data, read_terms(body, network))

    @classmethod
    def _of(cls, encoded: bytes, terms: Terms) -> "Claim":
        times = terms.seq, terms.issued, terms.not_before, terms.not_after
        columns = _COLUMNS.pack(terms.kind, terms.keyset.era, terms.ttl, *times)
        return cls(columns + encoded, terms.keyset.owner_id.digest, terms.name.label if terms.name else "")

    @classmethod
    def restore(cls, kept: bytes, label: str, owner_digest: bytes, level: int | None = None) -> "Claim":
        """The claim of this owner that was `kept`, by whoever knows that the bytes are what they were."""
        return cls(kept, owner_digest, label, level)

    def sharing(self, owner_digest: bytes) -> "Claim":
        """The same, with the bytes for its owner that others have already: what is kept is kept once."""
        if owner_digest is self.owner_digest:
            return self
        return Claim(self.kept, owner_digest, self.label, self.level)

    def proved(self, level: int) -> "Claim":
        """The same claim, of whose work the level is known."""
        return attrs.evolve(self, level=level)

    def genuine(self) -> bool:
        """Whether the owner's present key signed it. Some 50 microseconds."""
        return self.terms.keyset.verify(DOMAIN + self.body, self.signature)

    # --- its bytes ----------------------------------------------------------------------------------------------------

    @property
    def id(self) -> bytes:
        """32 bytes, hashed anew each time: a microsecond, where keeping them would take a fifth of what a claim does.

        The signature has no part in it: one that was made again is not a second claim.
        """
        return _id_of(self.body)

    @property
    def encoded(self) -> bytes:
        """What is sent to peers."""
        return self.kept[_COLUMNS.size :]

    @property
    def body(self) -> bytes:
        """What is signed."""
        return _body_of(self.kept)

    @property
    def signature(self) -> bytes:
        """64 bytes."""
        return self.kept[-_SIGNATURE:]

    @property
    def terms(self) -> Terms:
        """What it says, in full; those of claims that were asked for lately are at hand."""
        body = self.body
        return read_terms(body, network_of(body))

    @property
    def network(self) -> str:
        """The network that it belongs to."""
        return network_of(self.body)

    @property
    def peers(self) -> tuple[PeerId, ...]:
        """The machines that serve the name, the preferred one first."""
        return read_peers(self.body)

    @property
    def work(self) -> bytes:
        """Its solutions: see `work`."""
        return read_work(self.body)

    # --- its columns --------------------------------------------------------------------------------------------------

    @property
    def name(self) -> Name:
        """The name; raise `LocalProtocolError` for a revocation, which has none."""
        if not self.label:
            raise LocalProtocolError("A revocation has no name.")
        return _name(self.label)

    @property
    def owner(self) -> OwnerId:
        """Whose claim it is."""
        return OwnerId(self.owner_digest)

    @property
    def kind(self) -> Kind:
        """What it says."""
        return _KINDS[self.kept[0]]

    @property
    def era(self) -> int:
        """The era of the key that signed it."""
        return self.kept[1]

    @property
    def ttl(self) -> int:
        """See `Terms`."""
        return int(_COLUMNS.unpack_from(self.kept)[2])

    @property
    def seq(self) -> int:
        """See `Terms`."""
        return int(_COLUMNS.unpack_from(self.kept)[3])

    @property
    def issued(self) -> int:
        """When it was signed, in seconds since 1970."""
        return int(_COLUMNS.unpack_from(self.kept)[4])

    @property
    def not_before(self) -> int:
        """From when on it counts, in seconds since 1970."""
        return int(_COLUMNS.unpack_from(self.kept)[5])

    @property
    def not_after(self) -> int:
        """Until when it counts, in seconds since 1970."""
        return int(_COLUMNS.unpack_from(self.kept)[6])

    @property
    def span(self) -> tuple[int, int]:
        """Both of these."""
        *_, begin, end = _COLUMNS.unpack_from(self.kept)
        return begin, end

    @property
    def position(self) -> tuple[int, int]:
        """(era, seq): two different claims of one owner for one name at one position are an equivocation."""
        _, era, _, seq, *_ = _COLUMNS.unpack_from(self.kept)
        return era, seq

    @property
    def order(self) -> tuple[int, int, int, bytes]:
        """(era, seq, issued, id): of one owner's claims for one name the greatest counts.

        `issued` decides only within an equivocation: the claim that can be admitted for longer must win it, or nodes
        that can't admit the other one any more would never agree with those that did.
        """
        _, era, _, seq, issued, *_ = _COLUMNS.unpack_from(self.kept)
        return era, seq, issued, self.id

    def __repr__(self) -> str:
        what = f"{self.label} " if self.label else ""
        era, seq = self.position
        return f"Claim({what}{self.owner.short} {self.kind.name.lower()} era {era} seq {seq} {self.id.hex()[:8]})"


def with_ids(claims: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Encoded claims with their ids, whatever they say; without what is no pair of a body and a signature."""
    found = []
    for data in claims:
        with suppress(InvalidValue):
            found.append((_id_of(_body(cbor.decode(data, limit=MAX_CLAIM))), data))
    return found


@functools.lru_cache(maxsize=4096)
def _name(label: str) -> Name:
    return Name(label)


def _id_of(body: bytes) -> bytes:
    return hashlib.sha256(DOMAIN + body).digest()


def _body_of(kept: bytes) -> bytes:
    start = _COLUMNS.size + (4 if kept[_COLUMNS.size + 1] == _LONG_BODY else 3)
    return kept[start : -_SIGNATURE - _SIGNATURE_HEAD]


def _body(value: Any) -> bytes:
    match value:
        case [bytes() as body, bytes() as signature] if len(signature) == _SIGNATURE:
            return body
    raise InvalidValue("A claim is a pair of a body and a signature of 64 bytes.")
