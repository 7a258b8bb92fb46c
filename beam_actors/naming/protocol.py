"""The messages of `/beam/names/1`: canonical CBOR arrays `[version, kind, …]`, each in a frame of `wire`.

    0 refuse   [1, 0, text]                  the stream ends after it; the text says why, for people
    1 push     [1, 1, [claim …]]             claims, at most 48; no answer
    2 ask      [1, 2, name]                  what do you know of the name? answered by pushes, then done
    3 have     [1, 3, [id …]]                ids of the claims held here, at most 1,024 a message; begins an exchange
    4 want     [1, 4, [id …]]                send me these; answered by pushes, then done
    5 done     [1, 5]                        the end of one list

An exchange on connect: the opener sends its have lists and done; the other answers with pushes of what the opener
lacks, want lists of what it lacks itself, and done; the opener answers the wants with pushes, then done.

Invariant: no message is longer than 64 KiB and no list longer than its bound. Claims travel as opaque bytes here;
`admission` judges them. Pure: no stream, no clock.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs

from beam_actors.errors import InvalidValue, RemoteProtocolError
from beam_actors.naming.limits import MAX_CLAIM
from beam_actors.values import Name, cbor
from beam_actors.wire import frame

PROTOCOL: Final = "/beam/names/1"
VERSION: Final = 1
MAX_MESSAGE: Final = 1 << 16
MAX_CLAIMS: Final = 48
MAX_IDS: Final = 1024
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
class Have:
    """Ids of claims that the sender holds."""

    ids: tuple[bytes, ...]


@attrs.frozen(slots=True)
class Want:
    """Ids of claims that the sender asks for."""

    ids: tuple[bytes, ...]


@attrs.frozen(slots=True)
class Done:
    """The end of one list."""


Message = Refuse | Push | Ask | Have | Want | Done


def encode(message: Message) -> bytes:
    """The message in its frame."""
    match message:
        case Refuse(text):
            fields: list[Any] = [VERSION, 0, text[:_MAX_TEXT]]
        case Push(claims):
            fields = [VERSION, 1, list(claims)]
        case Ask(name):
            fields = [VERSION, 2, str(name)]
        case Have(ids):
            fields = [VERSION, 3, list(ids)]
        case Want(ids):
            fields = [VERSION, 4, list(ids)]
        case Done():
            fields = [VERSION, 5]
    return frame(cbor.encode(fields))


def decode(body: bytes) -> Message:
    """The message that a frame holds.

    Raises:
        RemoteProtocolError: it is not a message of this version; the text can be sent back in a `Refuse`.
    """
    try:
        fields = cbor.decode(body, limit=MAX_MESSAGE)
    except InvalidValue as error:
        raise RemoteProtocolError(str(error)) from None
    if not isinstance(fields, list) or len(fields) < 2 or any(type(field) is not int for field in fields[:2]):
        raise RemoteProtocolError("A message is a list that begins with its version and its kind.")
    if fields[0] != VERSION:
        raise RemoteProtocolError(f"This node speaks version {VERSION} of the names protocol, not {fields[0]}.")
    match fields[1:]:
        case [0, str() as text] if len(text) <= _MAX_TEXT:
            return Refuse(text)
        case [1, list() as claims]:
            return Push(_strings(claims, MAX_CLAIMS, 1, MAX_CLAIM))
        case [2, str() as label]:
            return Ask(_name(label))
        case [3, list() as ids]:
            return Have(_strings(ids, MAX_IDS, 32, 32))
        case [4, list() as ids]:
            return Want(_strings(ids, MAX_IDS, 32, 32))
        case [5]:
            return Done()
    raise RemoteProtocolError(f"There is no message of kind {fields[1]} with these fields.")


def _name(label: str) -> Name:
    try:
        return Name(label)
    except InvalidValue as error:
        raise RemoteProtocolError(str(error)) from None


def _strings(values: list[Any], most: int, shortest: int, longest: int) -> tuple[bytes, ...]:
    if len(values) > most:
        raise RemoteProtocolError(f"A list of {len(values)} is longer than the {most} that are accepted.")
    if any(type(value) is not bytes or not shortest <= len(value) <= longest for value in values):
        raise RemoteProtocolError("A list holds something other than byte strings of the agreed length.")
    return tuple(values)


def pushes(claims: Iterable[bytes]) -> Iterator[Push]:
    """The claims in as many messages as their bound asks for."""
    for part in _parts(claims, MAX_CLAIMS):
        yield Push(part)


def haves(ids: Iterable[bytes]) -> Iterator[Have]:
    """The ids in as many messages as their bound asks for; one at least, since it begins an exchange."""
    for part in _parts(ids, MAX_IDS) or [()]:
        yield Have(part)


def wants(ids: Iterable[bytes]) -> Iterator[Want]:
    """The ids in as many messages as their bound asks for."""
    for part in _parts(ids, MAX_IDS):
        yield Want(part)


def _parts(values: Iterable[bytes], most: int) -> list[tuple[bytes, ...]]:
    everything = tuple(values)
    return [everything[start : start + most] for start in range(0, len(everything), most)]
