"""Messages that are canonical CBOR arrays `[version, kind, …]`, as `/beam/names/1` and `/beam/kad/1` have them (pure).

Invariant: the size is checked before anything is decoded, and a list's length and what is in it before it is used. What
a kind means, and how many there may be of what, the protocol says.
"""

from typing import Any

from beam_actors.errors import InvalidValue, RemoteProtocolError
from beam_actors.values import cbor


def open_array(body: bytes, *, limit: int, version: int, protocol: str) -> list[Any]:
    """The fields of a message of at most `limit` bytes, with its version and its kind.

    Raises:
        RemoteProtocolError: it is none of this version; the text can be told to the other side.
    """
    try:
        fields = cbor.decode(body, limit=limit)
    except InvalidValue as error:
        raise RemoteProtocolError(str(error)) from None
    if not isinstance(fields, list) or len(fields) < 2 or any(type(field) is not int for field in fields[:2]):
        raise RemoteProtocolError("A message is a list that begins with its version and its kind.")
    if fields[0] != version:
        raise RemoteProtocolError(f"This node speaks version {version} of {protocol}, not {fields[0]}.")
    return fields


def byte_strings(values: list[Any], *, most: int, shortest: int, longest: int) -> tuple[bytes, ...]:
    """A list of at most `most` byte strings, each of `shortest` to `longest` bytes; raise `RemoteProtocolError`."""
    if len(values) > most:
        raise RemoteProtocolError(f"A list of {len(values)} is longer than the {most} that are accepted.")
    if any(type(value) is not bytes or not shortest <= len(value) <= longest for value in values):
        raise RemoteProtocolError("A list holds something other than byte strings of the agreed length.")
    return tuple(values)
