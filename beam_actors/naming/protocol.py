"""The messages of `/beam/names/1`: canonical CBOR arrays `[version, kind, …]`, each in a frame of `wire`.

    0 refuse   [1, 0, text]                  the stream ends after it; the text says why, for people
    1 push     [1, 1, [claim …]]             claims, at most 48; no answer
    2 ask      [1, 2, name]                  what do you know of the name? answered by pushes, then done
    3 compare  [1, 3, salt, lower, upper]    begins an exchange of what lies between two prefixes (8 bytes each, or the
                                             upper one empty), with fingerprints under a salt of 16 bytes
    4 want     [1, 4, [id …]]                send me these, at most 1,024: pushed in the next turn of an exchange, and
                                             outside of one on a stream that whoever is asked opened
    5 done     [1, 5]                        the end of an answer
    6 ranges   [1, 6, [range …]]             at most 256 of a turn; it ends with the range whose end is empty
    7 have     [1, 7, [id …]]                the sender has these, at most 1,024; wanted, they are pushed
    range      [end, 0]                      settled
               [end, 1, fingerprint]         what is held up to the end, in 16 bytes
               [end, 2, [id …]]              the same as a list; the lists of a message have at most 1,024 ids

An end has 1 to 40 bytes or, at the top, none; ends rise. In an exchange the two take turns, each of pushes, wants and
ranges; `reconciling` says what answers what.

Invariant: no message is longer than 64 KiB and no list longer than its bound. Claims travel as opaque bytes here;
`admission` judges them. Pure: no stream, no clock.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final

import attrs

from beam_actors.errors import InvalidValue, RemoteProtocolError
from beam_actors.naming.limits import MAX_CLAIM
from beam_actors.naming.ranges import ABOVE, FINGERPRINT, ID, ITEM, PREFIX, SALT, TOP, Listing, Print, Range, Settled
from beam_actors.values import Name, cbor
from beam_actors.wire import byte_strings, frame, open_array

PROTOCOL: Final = "/beam/names/1"
VERSION: Final = 1
MAX_MESSAGE: Final = 1 << 16
MAX_CLAIMS: Final = 48
MAX_IDS: Final = 1024
MAX_RANGES: Final = 256
_MAX_TEXT = 200


@attrs.frozen(slots=True)
class Refuse:
    """The sender won't go on, and why."""

    text: str


@attrs.frozen(slots=True)
class Push:
    """Encoded claims, unchecked."""

    claims: tuple[bytes, ...]


@attrs.frozen(slots=True)
class Ask:
    """What is known of a name."""

    name: Name


@attrs.frozen(slots=True)
class Want:
    """Ids of claims that the sender asks for."""

    ids: tuple[bytes, ...]


@attrs.frozen(slots=True)
class Have:
    """Ids of claims that the sender holds."""

    ids: tuple[bytes, ...]


@attrs.frozen(slots=True)
class Done:
    """The end of one list."""


@attrs.frozen(slots=True)
class Compare:
    """The sender opens a comparison of what lies from the prefix `lower` to before `upper`; its ranges follow."""

    salt: bytes
    lower: bytes
    upper: bytes


@attrs.frozen(slots=True)
class Ranges:
    """A part of a turn, or all of it."""

    ranges: tuple[Range, ...]


Message = Refuse | Push | Ask | Want | Done | Compare | Ranges | Have


def encode(message: Message) -> bytes:
    """The message in its frame."""
    match message:
        case Refuse(text):
            fields: list[Any] = [VERSION, 0, text[:_MAX_TEXT]]
        case Push(claims):
            fields = [VERSION, 1, list(claims)]
        case Ask(name):
            fields = [VERSION, 2, str(name)]
        case Want(ids):
            fields = [VERSION, 4, list(ids)]
        case Done():
            fields = [VERSION, 5]
        case Compare(salt, lower, upper):
            fields = [VERSION, 3, salt, lower, upper]
        case Ranges(ranges):
            fields = [VERSION, 6, [_range_fields(one) for one in ranges]]
        case Have(ids):
            fields = [VERSION, 7, list(ids)]
    return frame(cbor.encode(fields))


def decode(body: bytes) -> Message:
    """The message that a frame holds.

    Raises:
        RemoteProtocolError: it is not a message of this version; the text can be sent back in a `Refuse`.
    """
    fields = open_array(body, limit=MAX_MESSAGE, version=VERSION, protocol=PROTOCOL)
    message: Message
    match fields[1:]:
        case [0, str() as text] if len(text) <= _MAX_TEXT:
            message = Refuse(text)
        case [1, list() as claims]:
            message = Push(byte_strings(claims, most=MAX_CLAIMS, shortest=1, longest=MAX_CLAIM))
        case [2, str() as label]:
            message = Ask(_name(label))
        case [3, bytes() as salt, bytes() as lower, bytes() as upper]:
            message = _compare(salt, lower, upper)
        case [4, list() as ids]:
            message = Want(_ids(ids))
        case [5]:
            message = Done()
        case [6, list() as ranges]:
            message = Ranges(_ranges(ranges))
        case [7, list() as ids]:
            message = Have(_ids(ids))
        case _:
            raise RemoteProtocolError(f"There is no message of kind {fields[1]} with these fields.")
    return message


def _name(label: str) -> Name:
    try:
        return Name(label)
    except InvalidValue as error:
        raise RemoteProtocolError(str(error)) from None


def _ids(values: list[Any]) -> tuple[bytes, ...]:
    return byte_strings(values, most=MAX_IDS, shortest=ID, longest=ID)


def _compare(salt: bytes, lower: bytes, upper: bytes) -> Compare:
    lengths = len(salt), len(lower), len(upper) or PREFIX
    if lengths != (SALT, PREFIX, PREFIX) or not (lower < upper or upper == TOP):
        raise RemoteProtocolError("A comparison has a salt of 16 bytes, and 8 for each side of a region.")
    return Compare(salt, lower, upper)


def _range_fields(one: Range) -> list[Any]:
    match one:
        case Settled(end):
            return [end, 0]
        case Print(end, fingerprint):
            return [end, 1, fingerprint]
        case Listing(end, ids):
            return [end, 2, list(ids)]


def _ranges(values: list[Any]) -> tuple[Range, ...]:
    if not 1 <= len(values) <= MAX_RANGES:
        raise RemoteProtocolError(f"A message has 1 to {MAX_RANGES} ranges, not {len(values)}.")
    ranges = tuple(_range(value) for value in values)
    if any((one.end or ABOVE) <= (before.end or ABOVE) for before, one in pairwise(ranges)):
        raise RemoteProtocolError("The ends of the ranges in a message rise, and nothing follows the top.")
    if sum(len(one.ids) for one in ranges if isinstance(one, Listing)) > MAX_IDS:
        raise RemoteProtocolError(f"The lists of a message have more ids than the {MAX_IDS} that are accepted.")
    return ranges


def _range(value: Any) -> Range:
    match value:
        case [bytes() as end, *what] if len(end) <= ITEM and all(type(one) is not bool for one in what):
            match what:
                case [0]:
                    return Settled(end)
                case [1, bytes() as fingerprint] if len(fingerprint) == FINGERPRINT:
                    return Print(end, fingerprint)
                case [2, list() as ids]:
                    return Listing(end, _ids(ids))
    raise RemoteProtocolError("A range is an end and what is said up to there: settled, a fingerprint, or ids.")


def pushes(claims: Iterable[bytes]) -> Iterator[Push]:
    """The claims in as many messages as their bound asks for."""
    for part in _parts(claims, MAX_CLAIMS):
        yield Push(part)


def news(whole: Iterable[bytes], named: Iterable[bytes]) -> Iterator[Push | Have]:
    """Claims, and the ids of others."""
    yield from pushes(whole)
    for part in _parts(named, MAX_IDS):
        yield Have(part)


def wants(ids: Iterable[bytes]) -> Iterator[Want]:
    """The ids in as many messages as their bound asks for."""
    for part in _parts(ids, MAX_IDS):
        yield Want(part)


def turns(ranges: Iterable[Range]) -> Iterator[Ranges]:
    """The ranges of one turn in as many messages as their bounds ask for."""
    some: list[Range] = []
    ids = 0
    for one in ranges:
        more = len(one.ids) if isinstance(one, Listing) else 0
        if len(some) == MAX_RANGES or ids + more > MAX_IDS:
            yield Ranges(tuple(some))
            some, ids = [], 0
        some.append(one)
        ids += more
    if some:
        yield Ranges(tuple(some))


def _parts(values: Iterable[bytes], most: int) -> list[tuple[bytes, ...]]:
    everything = tuple(values)
    return [everything[start : start + most] for start in range(0, len(everything), most)]
