"""Small records on the wire and on disk: one map of canonical CBOR with text keys, read without trust.

Source: RFC 8949 section 4.2.1 (deterministic encoding). The size is checked before anything is decoded, only plain
values pass (integers, bytes, text, booleans, null, lists and maps of them, four levels deep), and bytes that are not
the one encoding of what they denote are refused, so that a record has one spelling. What the fields mean is the
business of the room that owns the record.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import attrs

from beam_actors.errors import InvalidValue
from beam_actors.values import cbor
from beam_actors.values.cbor import MAX_DEPTH

MAX_INTEGER = 2**63 - 1

Plain = int | bytes | str | bool | None | Sequence["Plain"] | Mapping[str, "Plain"]


@attrs.frozen(slots=True)
class Record:
    """The fields of a decoded record; each getter checks one field and raises `InvalidValue` naming it."""

    fields: Mapping[str, Plain]

    @classmethod
    def decode(cls, data: bytes | bytearray | memoryview, *, limit: int) -> "Record":
        """Read a record of at most `limit` bytes; raise `InvalidValue` for anything else."""
        value = cbor.decode(bytes(data), limit=limit)
        if type(value) is not dict or not _is_plain(value, MAX_DEPTH):
            raise InvalidValue("A record is not a map of plain values.")
        return cls(value)

    def integer(self, key: str, *, least: int = 0, most: int = MAX_INTEGER) -> int:
        """The integer under `key`, within `least` and `most`."""
        value = self.fields.get(key)
        if type(value) is not int or not least <= value <= most:
            raise InvalidValue(f"The field {key!r} is not an integer of {least} to {most}.")
        return value

    def flag(self, key: str) -> bool:
        """The boolean under `key`."""
        value = self.fields.get(key)
        if type(value) is not bool:
            raise InvalidValue(f"The field {key!r} is not a boolean.")
        return value

    def text(self, key: str, *, limit: int) -> str:
        """The text under `key`, of at most `limit` characters, all printable."""
        value = self.fields.get(key)
        if type(value) is not str or len(value) > limit or not value.isprintable():
            raise InvalidValue(f"The field {key!r} is not printable text of at most {limit} characters.")
        return value

    def data(self, key: str, *, limit: int) -> bytes:
        """The bytes under `key`, at most `limit` of them."""
        value = self.fields.get(key)
        if type(value) is not bytes or len(value) > limit:
            raise InvalidValue(f"The field {key!r} is not bytes, at most {limit}.")
        return value

    def parts(self, key: str, *, limit: int, size: int) -> tuple[bytes, ...]:
        """The list of byte strings under `key`: at most `limit` of them, each of at most `size` bytes."""
        value = self.fields.get(key)
        if type(value) is not list or len(value) > limit:
            raise InvalidValue(f"The field {key!r} is not a list of at most {limit}.")
        if any(type(item) is not bytes or len(item) > size for item in value):
            raise InvalidValue(f"The field {key!r} holds something else than bytes, at most {size}.")
        return tuple(cast("list[bytes]", value))

    def has(self, key: str) -> bool:
        """Whether there is something other than null under `key`."""
        return self.fields.get(key) is not None


def encode_record(fields: Mapping[str, Plain]) -> bytes:
    """The canonical CBOR of a map of plain values."""
    return cbor.encode(dict(fields))


def _is_plain(value: object, depth: int) -> bool:
    kind = type(value)
    if kind is int:
        return -MAX_INTEGER - 1 <= cast("int", value) <= MAX_INTEGER
    if kind in {bytes, str, bool, type(None)}:
        return True
    if depth == 0:
        return False
    if kind is list:
        return all(_is_plain(item, depth - 1) for item in cast("list[object]", value))
    if kind is dict:
        items = cast("dict[object, object]", value).items()
        return all(type(key) is str and _is_plain(item, depth - 1) for key, item in items)
    return False
