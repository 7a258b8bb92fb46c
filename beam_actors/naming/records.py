"""How this room writes what it keeps: tables, keys and values of the store, which knows none of them.

    names.claims    name NUL owner    `_ROW`, claim, rival or nothing, backer or nothing, sum
                                      before: [2, claim, rival or empty, first, heard, alone, settled], [1, …, heard]
    names.revoked   owner             [1, claim]
    names.own       name              [2, since, contest, owner]      before: [1, since, contest]
                                      [3, since, contest, owner, successor, era]: to be handed over
    names.pins      name              [1, owner, since, era, seq, issued, mark]
                                      [2, owner, since, era, seq, issued, mark, how, used]: made by use
    names.petnames  petname           [1, name, owner, since, era, seq, issued, mark]
    names.meta      "floor"           [1, seconds]
                    "running"         [1, seconds for which this node ran in its life]
    made-names      purpose           name                  (both as plain text)

Times are whole seconds since 1970. Every other value begins with the version of its own format. Invariant: what is read
back is what was written, or `StoreDamaged` is raised. A row of `names.claims` holds claims with their columns (`Claim`)
and ends with the BLAKE2b-64 of its key and all before: so damage is found without parsing, which would take most of a
start's time. The sum is no secret and says nothing about who wrote to the disk. Claims elsewhere, and in rows of
before, are parsed again, since damage could make them say what no rule allows. That a signature is genuine was checked
before it was written, and a node that it is sent to checks it.
"""

import hashlib
import struct
from collections.abc import Callable
from typing import Any, Final

import attrs

from beam_actors.errors import ClaimRefused, InvalidValue, StoreDamaged
from beam_actors.identity import REVOCATION_ERA
from beam_actors.naming.claim import Claim
from beam_actors.naming.holds import Seen
from beam_actors.naming.limits import MAX_CLAIM, MAX_TIME
from beam_actors.naming.pins import How, Pin
from beam_actors.naming.registry import Entry
from beam_actors.ports import Change
from beam_actors.values import Name, OwnerId, cbor

CLAIMS: Final = "names.claims"
REVOKED: Final = "names.revoked"
OWN: Final = "names.own"
PINS: Final = "names.pins"
PETNAMES: Final = "names.petnames"
META: Final = "names.meta"
MADE: Final = "made-names"
FLOOR: Final = b"floor"
RUNNING: Final = b"running"
_FORMAT = 1
_OWN_FORMAT = 2
_HANDING_FORMAT = 3
_USED_FORMAT = 2
_HOW: Final[tuple[How, ...]] = ("command", "navigation", "forward")
_CLAIMS_FORMAT = b"\x03"
_CLAIMS_BEFORE = 1, 2
_ROW = struct.Struct("<cQQQ?HHBBB")
"""The format; first seen, last heard of, alone since, settled (see `Seen`); how many bytes the claim and its rival
have; the levels of both and of the backer (0: none, or not looked at)."""
_SUM = 8
_OWNER = 32
_MAX_VALUE = 2 * MAX_CLAIM + 256


@attrs.frozen(slots=True)
class Handing:
    """A name is to be handed over to `successor`, in the era `era` of its owner or in a later one."""

    successor: OwnerId
    era: int


@attrs.frozen(slots=True)
class Own:
    """A name that this node keeps claimed."""

    name: Name
    since: int
    """When it was registered, in seconds since 1970."""
    owner: OwnerId | None
    """Whose name it is; None in a row of the first format, which did not say."""
    contest: bool = False
    """Whether it was registered although somebody else was known to hold it."""
    handing: Handing | None = None


def _claim_key(name: Name, owner: OwnerId) -> bytes:
    return name.label.encode() + b"\x00" + owner.digest


def put_entry(entry: Entry, seen: Seen) -> Change:
    """Keep an entry."""
    key = _claim_key(entry.name, entry.owner)
    claim, rival, backer = (b"" if one is None else one.kept for one in entry.places)
    levels = [(one.level or 0) if one else 0 for one in entry.places]
    about = seen.first, seen.heard, seen.alone, seen.settled
    value = _ROW.pack(_CLAIMS_FORMAT, *about, len(claim), len(rival), *levels) + claim + rival + backer
    return Change(CLAIMS, key, value + _sum(key, value))


def _sum(key: bytes, value: bytes) -> bytes:
    return hashlib.blake2b(key + value, digest_size=_SUM, person=b"beam-claims-row").digest()


def drop_entry(name: Name, owner: OwnerId) -> Change:
    """Keep it no longer."""
    return Change(CLAIMS, _claim_key(name, owner), None)


def put_revocation(claim: Claim) -> Change:
    """Keep a revocation."""
    return Change(REVOKED, claim.owner.digest, cbor.encode([_FORMAT, claim.encoded]))


def put_own(own: Own) -> Change:
    """Keep the intent to hold a name."""
    value: list[int | bytes] = [_FORMAT, own.since, int(own.contest)]
    if own.owner is not None:
        value = [_OWN_FORMAT, *value[1:], own.owner.digest]
    if own.handing is not None:
        value = [_HANDING_FORMAT, *value[1:], own.handing.successor.digest, own.handing.era]
    return Change(OWN, own.name.label.encode(), cbor.encode(value))


def drop_own(name: Name) -> Change:
    """Give the intent up."""
    return Change(OWN, name.label.encode(), None)


def put_pin(pin: Pin) -> Change:
    """Keep a pin."""
    by_use = [] if pin.how == "command" else [_HOW.index(pin.how), pin.used]
    value = [_USED_FORMAT if by_use else _FORMAT, *_bound(pin), *by_use]
    return Change(PINS, pin.name.label.encode(), cbor.encode(value))


def put_petname(petname: Name, meant: Pin) -> Change:
    """Keep a petname and what it stands for."""
    value = [_FORMAT, meant.name.label.encode(), *_bound(meant)]
    return Change(PETNAMES, petname.label.encode(), cbor.encode(value))


def _bound(pin: Pin) -> list[bytes | int]:
    return [pin.owner.digest, int(pin.since), pin.era, pin.seq, pin.issued, pin.mark]


def drop_pin(name: Name) -> Change:
    """Keep it no longer."""
    return Change(PINS, name.label.encode(), None)


def drop_petname(petname: Name) -> Change:
    """Keep it no longer."""
    return Change(PETNAMES, petname.label.encode(), None)


def put_floor(floor: int) -> Change:
    """Keep the registry's floor."""
    return Change(META, FLOOR, cbor.encode([_FORMAT, floor]))


def put_running(seconds: int) -> Change:
    """Keep for how long this node ran."""
    return Change(META, RUNNING, cbor.encode([_FORMAT, seconds]))


def put_made(purpose: str, name: Name) -> Change:
    """Keep which random name was made for a purpose."""
    return Change(MADE, purpose.encode(), name.label.encode())


# --- reading back -----------------------------------------------------------------------------------------------------


def read_entry(
    key: bytes, value: bytes, network: str, owner_of: Callable[[bytes], OwnerId] = OwnerId
) -> tuple[Entry, Seen]:
    """Read a row of `names.claims`; raise `StoreDamaged`. `owner_of` makes an id of its bytes, or knows it already."""
    if value[:1] == _CLAIMS_FORMAT:
        entry, seen = _read_row(key, value, owner_of)
    else:
        entry, seen = _read_row_of_before(value, network)
    if entry.claim.network != network:
        raise StoreDamaged(f"A claim in the store belongs to another network than {network}.")
    return entry, seen


def _read_row(key: bytes, value: bytes, owner_of: Callable[[bytes], OwnerId] = OwnerId) -> tuple[Entry, Seen]:
    """What the sum says is what was written, so nothing else is looked at."""
    if len(value) < _ROW.size + _SUM or _sum(key, value[:-_SUM]) != value[-_SUM:]:
        raise _damaged(CLAIMS)
    _, first, heard, alone, settled, size, rival_size, level, rival_level, backer_level = _ROW.unpack_from(value)
    label, owner, seen = key[: -_OWNER - 1].decode("ascii"), owner_of(key[-_OWNER:]), Seen(first, heard, alone, settled)
    begin, end, last = _ROW.size + size, _ROW.size + size + rival_size, len(value) - _SUM
    claim = Claim.restore(value[_ROW.size : begin], label, owner, level or None)
    if begin == last:
        return Entry(claim), seen
    rival = Claim.restore(value[begin:end], label, owner, rival_level or None) if rival_size else None
    backer = Claim.restore(value[end:last], label, owner, backer_level or None) if end < last else None
    return Entry(claim, rival, backer), seen


def _read_row_of_before(value: bytes, network: str) -> tuple[Entry, Seen]:
    match _read(value, *_CLAIMS_BEFORE):
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
            raise _damaged(CLAIMS)
    if not all(0 <= time < MAX_TIME for time in (seen.first, seen.heard, seen.alone)):
        raise _damaged(CLAIMS)
    return Entry(_parse(claim, network), _parse(rival, network) if rival else None), seen


def read_era(key: bytes, value: bytes) -> int:
    """Read in which era the claim in a row of `names.claims` was signed, of whichever network; or `StoreDamaged`."""
    if value[:1] == _CLAIMS_FORMAT:
        return _read_row(key, value)[0].era
    match _read(value, *_CLAIMS_BEFORE):
        case [_, bytes() as claim, *_]:
            try:
                body, _signature = cbor.decode(claim, limit=MAX_CLAIM)
                network = cbor.decode(body, limit=MAX_CLAIM)[2]
            except (InvalidValue, LookupError, TypeError, ValueError):
                raise _damaged(CLAIMS) from None
            return _parse(claim, network).era
    raise _damaged(CLAIMS)


def read_revocation(value: bytes, network: str) -> Claim:
    """Read a value of `names.revoked`; raise `StoreDamaged`."""
    match _read(value):
        case [int(), bytes() as claim]:
            return _parse(claim, network)
    raise _damaged(REVOKED)


def read_revoked(key: bytes) -> OwnerId:
    """Read a key of `names.revoked`; raise `StoreDamaged`."""
    try:
        return OwnerId(key)
    except ValueError:
        raise _damaged(REVOKED) from None


def read_own(key: bytes, value: bytes) -> Own:
    """Read a row of `names.own`; raise `StoreDamaged`."""
    match _read(value, _FORMAT, _OWN_FORMAT, _HANDING_FORMAT):
        case [1, int() as since, (0 | 1) as contest]:
            return Own(read_name(key), since, None, bool(contest))
        case [2, int() as since, (0 | 1) as contest, bytes() as owner] if len(owner) == 32:
            return Own(read_name(key), since, OwnerId(owner), bool(contest))
        case [3, int() as since, (0 | 1) as contest, bytes() as owner, bytes() as successor, int() as era]:
            if len(owner) == len(successor) == 32 and 0 < era < REVOCATION_ERA:
                handing = Handing(OwnerId(successor), era)
                return Own(read_name(key), since, OwnerId(owner), bool(contest), handing)
    raise _damaged(OWN)


def read_pin(key: bytes, value: bytes) -> Pin:
    """Read a row of `names.pins`; raise `StoreDamaged`."""
    match _read(value, _FORMAT, _USED_FORMAT):
        case [1, bytes() as owner, int() as since, int() as era, int() as seq, int() as issued, bytes() as mark]:
            if len(owner) == 32:
                return Pin(read_name(key), OwnerId(owner), since, era, seq, issued, mark)
        case [
            2, bytes() as owner, int() as since, int() as era, int() as seq, int() as issued, bytes() as mark,
            (1 | 2) as how, int() as used,
        ] if len(owner) == 32:  # fmt: skip
            return Pin(read_name(key), OwnerId(owner), since, era, seq, issued, mark, _HOW[how], used)
    raise _damaged(PINS)


def read_petname(key: bytes, value: bytes) -> tuple[Name, Pin]:
    """Read a row of `names.petnames`: what a person types, and what it stands for; raise `StoreDamaged`."""
    match _read(value):
        case [
            int(), bytes() as name, bytes() as owner, int() as since,
            int() as era, int() as seq, int() as issued, bytes() as mark,
        ] if len(owner) == 32:  # fmt: skip
            return read_name(key), Pin(read_name(name), OwnerId(owner), since, era, seq, issued, mark)
    raise _damaged(PETNAMES)


def read_floor(value: bytes) -> int:
    """Read the registry's floor; raise `StoreDamaged`."""
    match _read(value):
        case [int(), int() as floor]:
            return floor
    raise _damaged(META)


def read_running(value: bytes) -> int:
    """Read for how long this node ran; raise `StoreDamaged`."""
    match _read(value):
        case [int(), int() as seconds] if 0 <= seconds < MAX_TIME:
            return seconds
    raise _damaged(META)


def read_made(key: bytes, value: bytes) -> tuple[str, Name]:
    """Read a row of `made-names`: the purpose and the name; raise `StoreDamaged`."""
    try:
        purpose = key.decode()
    except UnicodeDecodeError:
        raise _damaged(MADE) from None
    return purpose, read_name(value)


def _read(value: bytes, *formats: int) -> Any:
    try:
        record = cbor.decode(value, limit=_MAX_VALUE)
    except InvalidValue as error:
        raise StoreDamaged(f"A record of names in the store can't be read: {error}") from None
    if not isinstance(record, list) or any(isinstance(field, bool) for field in record):  # which would match as 0 and 1
        raise StoreDamaged("A record of names in the store is not a list of the fields that it should have.")
    if not record or record[0] not in (formats or (_FORMAT,)):
        raise StoreDamaged("A record of names in the store has a format that this program doesn't know.")
    return record


def _parse(data: bytes, network: str) -> Claim:
    try:
        return Claim.parse(data, network=network)
    except ClaimRefused as error:
        raise StoreDamaged(f"A claim in the store can't be read: {error}") from None


def read_name(key: bytes) -> Name:
    """Read a key of `names.own`, `names.pins` or `names.petnames`; raise `StoreDamaged`."""
    try:
        return Name(key.decode("ascii"))
    except ValueError:
        raise StoreDamaged("A name in the store is not one.") from None


def _damaged(table: str) -> StoreDamaged:
    return StoreDamaged(f"A record in the table {table} is not in its format.")
