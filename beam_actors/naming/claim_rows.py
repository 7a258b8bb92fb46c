"""How claims are kept: rows that a start reads without parsing what is in them.

    names.claims    name NUL owner    `_ROW`, claim, rival or nothing, backer or nothing, sum
                                      before: [2, claim, rival or empty, first, heard, alone, settled], [1, …, heard]
    names.revoked   owner             [1, claim]
    names.last      owner             [1, claim, level]
    names.deposits  name NUL owner    [1]

Invariant: what is read back is what was written, or `StoreDamaged` is raised. A row of `names.claims` holds claims with
their columns (`Claim`) and ends with the sum of its key and all before (`rows`): so damage is found without parsing,
which would take most of a start's time. A revocation, a last word, and claims in rows of before, are parsed again. That
a signature is genuine was checked before it was written, and a node that it is sent to checks it.
"""

import struct
from typing import Final

from beam_actors.errors import ClaimRefused, InvalidName, InvalidValue, StoreDamaged
from beam_actors.naming import rows
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.entry import Entry
from beam_actors.naming.holds import Seen
from beam_actors.naming.limits import MAX_CLAIM
from beam_actors.naming.rows import SUM, damaged
from beam_actors.ports import Change
from beam_actors.values import Name, OwnerId, cbor

CLAIMS: Final = "names.claims"
REVOKED: Final = "names.revoked"
LAST: Final = "names.last"
DEPOSITS: Final = "names.deposits"
_FORMAT = 1
_CLAIMS_FORMAT = b"\x03"
_CLAIMS_BEFORE = 1, 2
_ROW = struct.Struct("<cQQQ?HHBBB")
"""The format; first seen, last heard of, alone since, settled (see `Seen`); how many bytes the claim and its rival
have; the levels of both and of the backer (0: none, or not looked at)."""
_PERSON = b"beam-claims-row"
_OWNER = 32
_LEVELS = 256
"""More than there are: a byte says one."""
_LAST_DATE = 253_402_300_800
"""The first second of the year 10000, which no date can say."""


def claim_key(label: str, owner_digest: bytes) -> bytes:
    """Where the claims of an owner for a name are."""
    return label.encode() + b"\x00" + owner_digest


def put_entry(entry: Entry, seen: Seen) -> Change:
    """Keep an entry."""
    key = claim_key(entry.label, entry.owner_digest)
    claim, rival, backer = (b"" if one is None else one.kept for one in entry.places)
    levels = [(one.level or 0) if one else 0 for one in entry.places]
    about = seen.first, seen.heard, seen.alone, seen.settled
    value = _ROW.pack(_CLAIMS_FORMAT, *about, len(claim), len(rival), *levels) + claim + rival + backer
    return Change(CLAIMS, key, value + rows.sum_of(_PERSON, key, value))


def drop_entry(name: Name, owner: OwnerId) -> Change:
    """Keep it no longer."""
    return Change(CLAIMS, claim_key(name.label, owner.digest), None)


def put_revocation(claim: Claim) -> Change:
    """Keep a revocation."""
    return rows.put(REVOKED, claim.owner_digest, [_FORMAT, claim.encoded])


def put_last_word(owner: bytes, claim: Claim | None) -> Change:
    """Keep the last word of the owner with this digest, or none any more."""
    if claim is None:
        return Change(LAST, owner, None)
    return rows.put(LAST, owner, [_FORMAT, claim.encoded, claim.level or 0])


def put_deposit(name: Name, owner: OwnerId) -> Change:
    """Keep that a hold is kept here for the network."""
    return rows.put(DEPOSITS, claim_key(name.label, owner.digest), [_FORMAT])


def drop_deposit(name: Name, owner: OwnerId) -> Change:
    """It is not any more."""
    return Change(DEPOSITS, claim_key(name.label, owner.digest), None)


def read_entry(key: bytes, value: bytes, network: str) -> tuple[Entry, Seen]:
    """Read a row of `names.claims`; raise `StoreDamaged`."""
    if value[:1] == _CLAIMS_FORMAT:
        entry, seen = _read_row(key, value)
    else:
        entry, seen = _read_row_of_before(key, value, network)
    if entry.claim.network != network:
        raise StoreDamaged(f"A claim in the store belongs to another network than {network}.")
    return entry, seen


def _read_row(key: bytes, value: bytes) -> tuple[Entry, Seen]:
    """What the sum says is what was written, so nothing else is looked at."""
    if len(value) < _ROW.size + SUM or rows.sum_of(_PERSON, key, value[:-SUM]) != value[-SUM:]:
        raise damaged(CLAIMS)
    _, first, heard, alone, settled, size, rival_size, level, rival_level, backer_level = _ROW.unpack_from(value)
    label, owner, seen = key[: -_OWNER - 1].decode("ascii"), key[-_OWNER:], Seen(first, heard, alone, settled)
    begin, end, last = _ROW.size + size, _ROW.size + size + rival_size, len(value) - SUM
    claim = Claim.restore(value[_ROW.size : begin], label, owner, level or None)
    if begin == last:
        return Entry(claim), seen
    rival = Claim.restore(value[begin:end], label, owner, rival_level or None) if rival_size else None
    backer = Claim.restore(value[end:last], label, owner, backer_level or None) if end < last else None
    return Entry(claim, rival, backer), seen


def _read_row_of_before(key: bytes, value: bytes, network: str) -> tuple[Entry, Seen]:
    match rows.read(CLAIMS, key, value, *_CLAIMS_BEFORE):
        case [1, bytes() as claim, bytes() as rival, int() as first, int() as heard]:
            seen = Seen(first, heard)
        case [
            2,
            bytes() as claim,
            bytes() as rival,
            int() as first,
            int() as heard,
            int() as alone,
            (0 | 1) as settled,
        ]:
            seen = Seen(first, heard, alone, bool(settled))
        case _:
            raise damaged(CLAIMS)
    if not all(0 <= time < _LAST_DATE for time in (seen.first, seen.heard, seen.alone)):
        raise damaged(CLAIMS)
    entry = Entry(_parse(claim, network), _parse(rival, network) if rival else None)
    for one in entry.claims:  # these rows have no sum, so each is asked again whether it is its owner's
        if one.kind is Kind.REVOCATION or claim_key(one.label, one.owner_digest) != key or not one.genuine():
            raise damaged(CLAIMS)
    return entry, seen


def read_claim(key: bytes, value: bytes) -> Claim:
    """Read the claim in a row of `names.claims`, of whichever network; raise `StoreDamaged`."""
    if value[:1] == _CLAIMS_FORMAT:
        return _read_row(key, value)[0].claim
    match rows.read(CLAIMS, key, value, *_CLAIMS_BEFORE):
        case [_, bytes() as claim, *_]:
            try:
                body, _signature = cbor.decode(claim, limit=MAX_CLAIM)
                network = cbor.decode(body, limit=MAX_CLAIM)[2]
            except (InvalidValue, LookupError, TypeError, ValueError):
                raise damaged(CLAIMS) from None
            return _parse(claim, network)
    raise damaged(CLAIMS)


def read_revocation(key: bytes, value: bytes, network: str) -> Claim:
    """Read a row of `names.revoked`; raise `StoreDamaged`."""
    match rows.read(REVOKED, key, value, _FORMAT):
        case [int(), bytes() as claim]:
            return _parse(claim, network)
    raise damaged(REVOKED)


def read_last_word(key: bytes, value: bytes, network: str) -> Claim:
    """Read a row of `names.last`; raise `StoreDamaged`."""
    match rows.read(LAST, key, value, _FORMAT):
        case [int(), bytes() as data, int() as level]:
            claim = _parse(data, network)
            is_of_key = claim.owner_digest == key and claim.kind is not Kind.REVOCATION
            if is_of_key and claim.era and 0 <= level < _LEVELS:
                return claim.proved(level) if level else claim
    raise damaged(LAST)


def read_deposit(key: bytes, value: bytes) -> tuple[Name, OwnerId]:
    """Read a row of `names.deposits`; raise `StoreDamaged`."""
    if rows.read(DEPOSITS, key, value, _FORMAT) != [_FORMAT]:
        raise damaged(DEPOSITS)
    label, owner = key[: -_OWNER - 1], key[-_OWNER:]
    try:
        name, whose = Name(label.decode("ascii")), OwnerId(owner)
    except (InvalidName, ValueError):
        raise damaged(DEPOSITS) from None
    if claim_key(name.label, owner) != key:
        raise damaged(DEPOSITS)
    return name, whose


def read_owner(key: bytes) -> OwnerId:
    """Read a key of `names.revoked` or `names.last`; raise `StoreDamaged`."""
    try:
        return OwnerId(key)
    except ValueError:
        raise damaged(REVOKED) from None


def _parse(data: bytes, network: str) -> Claim:
    try:
        return Claim.parse(data, network=network)
    except ClaimRefused as error:
        raise StoreDamaged(f"A claim in the store can't be read: {error}") from None
