"""How this room writes what it keeps beside claims: what a person here holds, and what the node knows of itself.

    names.own       name              [2, since, contest, owner]      before: [1, since, contest]
                                      [3, since, contest, owner, successor, era]: to be handed over
    names.pins      name              [1, owner, since, era, seq, issued, mark]
                                      [2, owner, since, era, seq, issued, mark, how, used]: made by use
    names.petnames  petname           [1, name, owner, since, era, seq, issued, mark]
    names.meta      "floor"           [1, seconds]
                    "running"         [1, seconds for which this node ran in its life]
    made-names      purpose           name SPACE used       (as plain text; before: name)
                                      name SPACE -          a person asked for it by itself

Times are whole seconds since 1970. Invariant: what is read back is what was written, or `StoreDamaged` is raised; see
`rows` for the sum that each has but a made name, which another one may replace.
"""

from typing import Final

import attrs

from beam_actors.errors import StoreDamaged
from beam_actors.identity import REVOCATION_ERA
from beam_actors.naming import rows
from beam_actors.naming.limits import MAX_TIME
from beam_actors.naming.pins import How, Pin
from beam_actors.naming.rows import damaged
from beam_actors.ports import Change
from beam_actors.values import Name, OwnerId

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
_CHOSEN: Final = "-"
_MOST_DIGITS: Final = len(str(MAX_TIME))
_HOW: Final[tuple[How, ...]] = ("command", "navigation", "forward")


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


@attrs.frozen(slots=True)
class Made:
    """A random name that was made up here for a purpose."""

    name: Name
    used: int | None
    """When it was last asked for (since 1970), 0 if that was not noted; None if a person asked for it by itself."""


def put_own(own: Own) -> Change:
    """Keep the intent to hold a name."""
    value: list[int | bytes] = [_FORMAT, own.since, int(own.contest)]
    if own.owner is not None:
        value = [_OWN_FORMAT, *value[1:], own.owner.digest]
    if own.handing is not None:
        value = [_HANDING_FORMAT, *value[1:], own.handing.successor.digest, own.handing.era]
    return rows.put(OWN, own.name.label.encode(), value)


def drop_own(name: Name) -> Change:
    """Give the intent up."""
    return Change(OWN, name.label.encode(), None)


def put_pin(pin: Pin) -> Change:
    """Keep a pin."""
    by_use = [] if pin.how == "command" else [_HOW.index(pin.how), pin.used]
    value = [_USED_FORMAT if by_use else _FORMAT, *_bound(pin), *by_use]
    return rows.put(PINS, pin.name.label.encode(), value)


def put_petname(petname: Name, meant: Pin) -> Change:
    """Keep a petname and what it stands for."""
    value = [_FORMAT, meant.name.label.encode(), *_bound(meant)]
    return rows.put(PETNAMES, petname.label.encode(), value)


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
    return rows.put(META, FLOOR, [_FORMAT, floor])


def put_running(seconds: int) -> Change:
    """Keep for how long this node ran."""
    return rows.put(META, RUNNING, [_FORMAT, seconds])


def put_made(purpose: str, made: Made) -> Change:
    """Keep which random name was made for a purpose."""
    used = _CHOSEN if made.used is None else str(made.used)
    return Change(MADE, purpose.encode(), f"{made.name.label} {used}".encode())


# --- reading back -----------------------------------------------------------------------------------------------------


def read_own(key: bytes, value: bytes) -> Own:
    """Read a row of `names.own`; raise `StoreDamaged`."""
    match rows.read(OWN, key, value, _FORMAT, _OWN_FORMAT, _HANDING_FORMAT):
        case [1, int() as since, (0 | 1) as contest]:
            return Own(read_name(key), since, None, bool(contest))
        case [2, int() as since, (0 | 1) as contest, bytes() as owner] if len(owner) == 32:
            return Own(read_name(key), since, OwnerId(owner), bool(contest))
        case [3, int() as since, (0 | 1) as contest, bytes() as owner, bytes() as successor, int() as era]:
            if len(owner) == len(successor) == 32 and 0 < era < REVOCATION_ERA:
                handing = Handing(OwnerId(successor), era)
                return Own(read_name(key), since, OwnerId(owner), bool(contest), handing)
    raise damaged(OWN)


def read_pin(key: bytes, value: bytes) -> Pin:
    """Read a row of `names.pins`; raise `StoreDamaged`."""
    match rows.read(PINS, key, value, _FORMAT, _USED_FORMAT):
        case [1, bytes() as owner, int() as since, int() as era, int() as seq, int() as issued, bytes() as mark]:
            if len(owner) == 32:
                return Pin(read_name(key), OwnerId(owner), since, era, seq, issued, mark)
        case [
            2, bytes() as owner, int() as since, int() as era, int() as seq, int() as issued, bytes() as mark,
            (1 | 2) as how, int() as used,
        ] if len(owner) == 32:  # fmt: skip
            return Pin(read_name(key), OwnerId(owner), since, era, seq, issued, mark, _HOW[how], used)
    raise damaged(PINS)


def read_petname(key: bytes, value: bytes) -> tuple[Name, Pin]:
    """Read a row of `names.petnames`: what a person types, and what it stands for; raise `StoreDamaged`."""
    match rows.read(PETNAMES, key, value, _FORMAT):
        case [
            int(), bytes() as name, bytes() as owner, int() as since,
            int() as era, int() as seq, int() as issued, bytes() as mark,
        ] if len(owner) == 32:  # fmt: skip
            return read_name(key), Pin(read_name(name), OwnerId(owner), since, era, seq, issued, mark)
    raise damaged(PETNAMES)


def read_floor(value: bytes) -> int:
    """Read the registry's floor; raise `StoreDamaged`."""
    match rows.read(META, FLOOR, value, _FORMAT):
        case [int(), int() as floor]:
            return floor
    raise damaged(META)


def read_running(value: bytes) -> int:
    """Read for how long this node ran; raise `StoreDamaged`."""
    match rows.read(META, RUNNING, value, _FORMAT):
        case [int(), int() as seconds] if 0 <= seconds < MAX_TIME:
            return seconds
    raise damaged(META)


def read_made(key: bytes, value: bytes) -> tuple[str, Made]:
    """Read a row of `made-names`: the purpose and the name; raise `StoreDamaged`."""
    label, space, used = value.partition(b" ")
    try:
        purpose = key.decode()
    except UnicodeDecodeError:
        raise damaged(MADE) from None
    if used == _CHOSEN.encode():
        return purpose, Made(read_name(label), None)
    when = used if space else b"0"
    if not when.isdigit() or len(when) > _MOST_DIGITS or str(int(when)).encode() != when:
        raise damaged(MADE)
    return purpose, Made(read_name(label), int(when))


def read_name(key: bytes) -> Name:
    """Read a key of `names.own`, `names.pins` or `names.petnames`; raise `StoreDamaged`."""
    try:
        return Name(key.decode("ascii"))
    except ValueError:
        raise StoreDamaged("A name in the store is not one.") from None
