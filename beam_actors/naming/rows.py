"""A row of the store, whose sum says that it is what was written.

    value    0x04 ‖ canonical CBOR list that begins with the version of its own format ‖ sum
    sum      BLAKE2b-64 of key and all before it, personalized by the table's name

Invariant: what is read is what was written under this very key of this very table, or `StoreDamaged` is raised. A value
of an earlier program is the list alone; damage to one is found only where it makes a value that no rule allows. The sum
is no secret and says nothing about who wrote to the disk. What a row means is said in `records` and `claim_rows`.
"""

import hashlib
from typing import Any, Final

from beam_actors.errors import InvalidValue, StoreDamaged
from beam_actors.naming.limits import MAX_CLAIM
from beam_actors.ports import Change
from beam_actors.values import cbor

SUM: Final = 8
"""How many bytes a sum has."""
_SUMMED = b"\x04"
"""It begins no list in CBOR (RFC 8949 §3.1), so values of an earlier program are told from these."""
_MAX_VALUE = 2 * MAX_CLAIM + 256


def put(table: str, key: bytes, fields: list[Any]) -> Change:
    """Keep these fields, of which the first is the version of their format."""
    value = _SUMMED + cbor.encode(fields)
    return Change(table, key, value + sum_of(table.encode(), key, value))


def read(table: str, key: bytes, value: bytes, *formats: int) -> list[Any]:
    """The fields in a value, which begin with one of the `formats`; raise `StoreDamaged`."""
    if value[:1] == _SUMMED:
        if sum_of(table.encode(), key, value[:-SUM]) != value[-SUM:]:
            raise damaged(table)
        value = value[1:-SUM]
    try:
        fields = cbor.decode(value, limit=_MAX_VALUE)
    except InvalidValue as error:
        raise StoreDamaged(f"A record of names in the store can't be read: {error}") from None
    if not isinstance(fields, list) or any(isinstance(field, bool) for field in fields):  # which would match as 0 and 1
        raise StoreDamaged("A record of names in the store is not a list of the fields that it should have.")
    if not fields or fields[0] not in formats:
        raise StoreDamaged("A record of names in the store has a format that this program doesn't know.")
    return fields


def sum_of(person: bytes, key: bytes, data: bytes) -> bytes:
    """The sum of what is kept under a key; `person` says in what, so that no row is one of another table."""
    return hashlib.blake2b(key + data, digest_size=SUM, person=person).digest()


def damaged(table: str) -> StoreDamaged:
    """What is raised when no more can be said."""
    return StoreDamaged(f"A record in the table {table} is not in its format.")
