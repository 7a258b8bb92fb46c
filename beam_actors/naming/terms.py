"""What a claim says: the fields of its body, and which of their values fit together.

Invariant: `Terms` that exist fit the format, and a body has one encoding. This module knows no signature and no clock:
the times are only held against each other.
"""

import enum
import functools
from typing import Any, Final, TypeVar

import attrs

from beam_actors.errors import ClaimRefused, InvalidName, InvalidValue
from beam_actors.identity import KeySet
from beam_actors.naming.limits import MAX_CLAIM, MAX_PEERS, MAX_TIME, MAX_TTL, MAX_VALIDITY, MAX_WORK
from beam_actors.values import Name, OwnerId, PeerId, cbor

VERSION: Final = 1
MAX_NETWORK: Final = 32
"""Characters of a network's id."""
_HASH = 32
_LONG_TEXT = 0x78
"""RFC 8949 §3: before it, the head of a text says its length; here, the next byte does."""
_CACHED = 512
"""Bodies of which the terms are kept for a while; they take some 1.5 KiB each."""


class Kind(enum.IntEnum):
    """What a claim says."""

    LIVE = 0
    """The name is served by `peers`."""
    TOMBSTONE = 1
    """The name is given up; kept as long as anything that it replaces could come back."""
    TRANSFER = 2
    """The name is handed to `successor`, in a new era: the thief of a machine can't make one that counts."""
    REVOCATION = 3
    """The owner is revoked, with all names, for good. Nothing in it varies: each owner has one possible revocation."""


class Field(enum.IntEnum):
    """Keys of the body's map."""

    VERSION = 1
    NETWORK = 2
    NAME = 3
    REVEALED = 4
    REST = 5
    SEQ = 6
    KIND = 7
    PEERS = 8
    ISSUED = 9
    NOT_BEFORE = 10
    NOT_AFTER = 11
    TTL = 12
    PREVIOUS = 13
    SUCCESSOR = 14
    INHERITS = 15
    WORK = 16


T = TypeVar("T")

_FIELDS = [int(field) for field in Field]


@attrs.frozen(slots=True, kw_only=True)
class Terms:
    """What is signed, before it is signed. Times are whole seconds since 1970-01-01 UTC.

    Raises:
        ClaimRefused: with reason `form`, `name`, `network` or `window`, when the terms don't fit the format.
    """

    network: str
    name: Name | None
    """None in a revocation only, which is about the owner."""
    keyset: KeySet
    seq: int
    kind: Kind
    peers: tuple[PeerId, ...] = ()
    """The machines that serve the name, the preferred one first."""
    issued: int
    not_before: int
    not_after: int
    ttl: int = 0
    """Seconds for which an answer may be used without hearing of the claim again."""
    previous: bytes = b""
    """Id of this owner's claim for the name that this one replaces; empty in the first, or when it was lost."""
    successor: OwnerId | None = None
    inherits: bytes = b""
    """Id of the transfer by which this owner got the name, or empty."""
    work: bytes = b""
    """Solutions of up to eight sub-puzzles: see `work`, which says what they are worth."""

    def __attrs_post_init__(self) -> None:
        _check_network(self.network)
        if self.keyset.is_revocation != (self.kind is Kind.REVOCATION):
            raise ClaimRefused("form", "The last key of an owner's chain signs its revocation and nothing else does.")
        if self.kind is Kind.REVOCATION:
            self._check_revocation()
        else:
            self._check_name_terms()

    def _check_revocation(self) -> None:
        numbers = (self.seq, self.issued, self.not_before, self.not_after, self.ttl)
        rest = (self.name, self.successor, self.peers, self.previous, self.inherits, self.work)
        if any(numbers) or any(rest):
            raise ClaimRefused("form", "A revocation names its owner and holds nothing else.")

    def _check_name_terms(self) -> None:
        if self.name is None:
            raise ClaimRefused("name", "The claim holds no name.")
        self._check_times()
        self._check_references()
        live = self.kind is Kind.LIVE
        if not (1 if live else 0) <= len(self.peers) <= (MAX_PEERS if live else 0):
            raise ClaimRefused("form", f"A live claim names 1 to {MAX_PEERS} peers, and no other claim names any.")
        if len(set(self.peers)) != len(self.peers):
            raise ClaimRefused("form", "The claim names a peer twice.")
        if len(self.work) > MAX_WORK or len(self.work) % 8:
            raise ClaimRefused("form", "The claim's work is not one to eight solutions of eight bytes.")

    def _check_times(self) -> None:
        if not (0 < self.issued <= self.not_before <= self.not_after <= MAX_TIME):
            raise ClaimRefused("window", "The claim's times are not in order.")
        if self.not_after - self.issued > MAX_VALIDITY:
            raise ClaimRefused("window", "The claim is valid for more than 30 days.")
        if not 1 <= self.seq <= self.issued:
            # A number that nothing can follow would lock the owner out; seconds since 1970 never run out.
            raise ClaimRefused("seq", "The claim's number is zero or beyond its own time in seconds.")
        if not 0 <= self.ttl <= MAX_TTL:
            raise ClaimRefused("form", "The claim's time to live is beyond a day.")

    def _check_references(self) -> None:
        if len(self.previous) not in {0, _HASH} or len(self.inherits) not in {0, _HASH}:
            raise ClaimRefused("form", "The claim refers to another one by something that is not a hash.")
        if self.inherits and self.kind is not Kind.LIVE:
            raise ClaimRefused("form", "Only a live claim can refer to the transfer that it goes back to.")
        if (self.successor is not None) != (self.kind is Kind.TRANSFER):
            raise ClaimRefused("form", "A transfer, and no other claim, names the next owner.")
        if self.kind is Kind.TRANSFER and (self.keyset.era == 0 or self.successor == self.keyset.owner_id):
            raise ClaimRefused("form", "A transfer opens a new era and leads to another owner.")

    def encode(self) -> bytes:
        """The body."""
        return cbor.encode(
            {
                1: VERSION,
                2: self.network,
                3: str(self.name) if self.name else "",
                4: list(self.keyset.revealed),
                5: self.keyset.rest,
                6: self.seq,
                7: int(self.kind),
                8: [peer.multihash for peer in self.peers],
                9: self.issued,
                10: self.not_before,
                11: self.not_after,
                12: self.ttl,
                13: self.previous,
                14: self.successor.digest if self.successor else b"",
                15: self.inherits,
                16: self.work,
            }
        )


def _check_network(network: str) -> None:
    if not (0 < len(network) <= MAX_NETWORK and network.isascii() and network.isprintable()):
        raise ClaimRefused("network", f"A network's id has 1 to {MAX_NETWORK} printable ASCII characters.")


@functools.lru_cache(maxsize=_CACHED)
def read_terms(body: bytes, network: str) -> Terms:
    """The terms in a body of `network`; the version is looked at before anything that it could change.

    Raises:
        ClaimRefused: `reason` is `form`, `version`, `network`, `name`, `window` or `seq`.
    """
    try:
        fields = cbor.decode(body, limit=MAX_CLAIM)
    except InvalidValue as error:
        raise ClaimRefused("form", str(error)) from None
    return _terms(fields, network)


@functools.lru_cache(maxsize=_CACHED)
def read_peers(body: bytes) -> tuple[PeerId, ...]:
    """The peers in a body that was read before: what most askers want, at a fraction of the cost of all terms."""
    return tuple(PeerId.from_multihash(peer) for peer in cbor.decode_again(body)[Field.PEERS])


def read_work(body: bytes) -> bytes:
    """The solutions in a body that was read before."""
    work: bytes = cbor.decode_again(body)[Field.WORK]
    return work


def network_of(body: bytes) -> str:
    """The network of a body that was read before, which begins with its version and this."""
    start = 5 if body[4] < _LONG_TEXT else 6
    size = body[4] & 0x1F if start == 5 else body[5]
    return body[start : start + size].decode("ascii")


def _terms(fields: Any, network: str) -> Terms:
    if type(fields) is not dict or type(fields.get(Field.VERSION)) is not int:
        raise ClaimRefused("form", "A claim's body is a map that begins with its version.")
    version = fields[Field.VERSION]
    if version != VERSION:
        raise ClaimRefused("version", f"The claim has format {version}; this program reads format {VERSION} only.")
    if list(fields) != _FIELDS:
        raise ClaimRefused("form", "A claim of format 1 has the fields 1 to 16.")
    its_network = _typed(fields, Field.NETWORK, str)
    if its_network != network:
        raise ClaimRefused(
            "network", f"The claim belongs to network {its_network[:MAX_NETWORK]!r}, not to {network!r}."
        )
    label = _typed(fields, Field.NAME, str)
    number = _typed(fields, Field.KIND, int)
    successor = _typed(fields, Field.SUCCESSOR, bytes)
    try:
        return Terms(
            network=network,
            name=Name(label) if label else None,
            keyset=KeySet(_byte_strings(fields, Field.REVEALED), _typed(fields, Field.REST, bytes)),
            seq=_typed(fields, Field.SEQ, int),
            kind=Kind(number),
            peers=tuple(PeerId.from_multihash(peer) for peer in _byte_strings(fields, Field.PEERS)),
            issued=_typed(fields, Field.ISSUED, int),
            not_before=_typed(fields, Field.NOT_BEFORE, int),
            not_after=_typed(fields, Field.NOT_AFTER, int),
            ttl=_typed(fields, Field.TTL, int),
            previous=_typed(fields, Field.PREVIOUS, bytes),
            successor=OwnerId(successor) if successor else None,
            inherits=_typed(fields, Field.INHERITS, bytes),
            work=_typed(fields, Field.WORK, bytes),
        )
    except InvalidName as error:
        raise ClaimRefused("name", str(error)) from None
    except ValueError as error:  # an unknown kind, or a value type's own refusal
        raise ClaimRefused("form", f"The claim is not in format 1: {error}") from None


def _typed(fields: dict[int, Any], field: Field, kind: type[T]) -> T:
    value = fields[field]
    if type(value) is not kind:  # not isinstance: True is not a number here
        raise ClaimRefused("form", f"The claim's field {field.name.lower()} is not of its type.")
    return value


def _byte_strings(fields: dict[int, Any], field: Field) -> tuple[bytes, ...]:
    values: list[Any] = _typed(fields, field, list)
    if any(type(value) is not bytes for value in values):
        raise ClaimRefused("form", f"The claim's field {field.name.lower()} is not a list of byte strings.")
    return tuple(values)
