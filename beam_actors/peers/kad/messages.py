"""The messages of `/beam/kad/1`: canonical CBOR arrays `[version, kind, …]`, each in a frame of `wire` (pure).

    0 refuse  [1, 0, text]                        the stream ends after it; the text says why, for people
    1 find    [1, 1, what, key]                   answered by any number of values, then nodes
    2 nodes   [1, 2, own, [record …]]             the sender's own signed record, and of those it knows nearest to the
                                                  key at most 20, without the asker; the end of an answer
    3 values  [1, 3, [bytes …]]                   at most 48, of 1 to 1,024 bytes each; at most four such messages
    4 store   [1, 4, what, key, [bytes …]]        at most 16 values; answered by stored
    5 stored  [1, 5, [0 | 1 | 2 | 3 …]]           what became of each: kept, known, not mine, refused

`what` says what is found or stored under a key of 32 bytes: 0 nodes alone, 1 what the `Custodian` keeps. The asker
opens a stream for one question. Its session proves who it is, and a TCP connection where, so there are no tokens.

Invariant: no message is longer than 64 KiB and no list longer than its bound. Records and values travel as opaque bytes
here: `open_record` verifies the former, whoever stores or asks for values judges them.
"""

import enum
from typing import Any, Final

import attrs

from beam_actors.errors import RemoteProtocolError
from beam_actors.peers.kad.ids import BYTES
from beam_actors.values import cbor
from beam_actors.wire import MAX_ADDRESSES, byte_strings, frame, open_array

PROTOCOL: Final = "/beam/kad/1"
VERSION: Final = 1
MAX_MESSAGE: Final = 1 << 16
MAX_RECORD: Final = 1024
MAX_NODES: Final = 20
MAX_VALUE: Final = 1024
MAX_VALUES: Final = 48
MAX_MESSAGES: Final = 4
"""Of values in one answer."""
MAX_STORED: Final = 16
_MAX_TEXT = 200


class What(enum.IntEnum):
    """What a question or a store is about."""

    NODES = 0
    VALUES = 1


class Fate(enum.IntEnum):
    """What became of a value that was to be stored."""

    KEPT = 0
    KNOWN = 1
    """It was there already, and stays longer now."""
    NOT_MINE = 2
    """Others are nearer to the key."""
    REFUSED = 3
    """It is no good, or older than what is there, or there is no room."""


@attrs.frozen(slots=True)
class Refuse:
    """The sender won't answer, and why."""

    text: str


@attrs.frozen(slots=True)
class Find:
    """Whom do you know near the key, and what is kept under it?"""

    what: What
    key: bytes


@attrs.frozen(slots=True)
class Nodes:
    """Encoded signed records, unverified: the sender's own, and those of nodes near the key."""

    own: bytes
    near: tuple[tuple[bytes, int], ...]
    """Each with the place, in it, of the address at which the sender reached the node."""


@attrs.frozen(slots=True)
class Values:
    """What is kept under the key, unchecked."""

    values: tuple[bytes, ...]


@attrs.frozen(slots=True)
class Store:
    """Keep these under the key."""

    what: What
    key: bytes
    values: tuple[bytes, ...]


@attrs.frozen(slots=True)
class Stored:
    """What became of each."""

    fates: tuple[Fate, ...]


Message = Refuse | Find | Nodes | Values | Store | Stored


def encode(message: Message) -> bytes:
    """The message in its frame."""
    match message:
        case Refuse(text):
            fields: list[Any] = [VERSION, 0, text[:_MAX_TEXT]]
        case Find(what, key):
            fields = [VERSION, 1, int(what), key]
        case Nodes(own, near):
            fields = [VERSION, 2, own, list(map(list, near))]
        case Values(values):
            fields = [VERSION, 3, list(values)]
        case Store(what, key, values):
            fields = [VERSION, 4, int(what), key, list(values)]
        case Stored(fates):
            fields = [VERSION, 5, list(map(int, fates))]
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
        case [1, what, bytes() as key] if len(key) == BYTES:
            message = Find(_what(what), key)
        case [2, bytes() as own, list() as near] if 0 < len(own) <= MAX_RECORD:
            message = Nodes(own, _reached(near))
        case [3, list() as values]:
            message = Values(byte_strings(values, most=MAX_VALUES, shortest=1, longest=MAX_VALUE))
        case [4, what, bytes() as key, list() as values] if len(key) == BYTES:
            message = Store(_what(what), key, byte_strings(values, most=MAX_STORED, shortest=1, longest=MAX_VALUE))
        case [5, list() as fates] if len(fates) <= MAX_STORED:
            message = Stored(tuple(map(_fate, fates)))
        case _:
            raise RemoteProtocolError(f"There is no message of kind {fields[1]} with these fields.")
    return message


def _what(value: Any) -> What:
    if type(value) is not int or not 0 <= value < len(What):
        raise RemoteProtocolError("This node knows nothing of what is asked for.")
    return What(value)


def _fate(value: Any) -> Fate:
    if type(value) is not int or not 0 <= value < len(Fate):
        raise RemoteProtocolError("A stored value has met an unknown fate.")
    return Fate(value)


def _reached(near: list[Any]) -> tuple[tuple[bytes, int], ...]:
    pairs = [(pair[0], pair[1]) for pair in near if isinstance(pair, list) and len(pair) == 2]
    records = byte_strings([record for record, _ in pairs], most=MAX_NODES, shortest=1, longest=MAX_RECORD)
    if len(pairs) != len(near) or any(type(place) is not int or not 0 <= place < MAX_ADDRESSES for _, place in pairs):
        raise RemoteProtocolError("A list of nodes holds something other than records and places of addresses.")
    return tuple(zip(records, (place for _, place in pairs), strict=True))
