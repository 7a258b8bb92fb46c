"""The part of CBOR that claims, messages and stored records are written in, in its one deterministic form.

Integers, byte strings, text, booleans, null, arrays and maps; no tags, floats, other simple values or indefinite
lengths (RFC 8949 §4.2.1). Invariant: what
`decode` returns re-encodes to the very bytes that it was given, so a record has one encoding and a hash of it names it.
This module knows nothing of what is encoded.
"""

from typing import Any, NoReturn

import cbor2

from beam_actors.errors import InvalidValue

MAX_DEPTH = 4
"""Containers within containers: a frame holds a list of pairs, nothing here is deeper."""

# cbor2 would otherwise compile regular expressions, build big numbers and follow references for whoever asks.
_KNOWN_TAGS = (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)


def _refuse_tag(*_: object) -> NoReturn:
    raise InvalidValue("A tagged CBOR value is not accepted here.")


_PLAIN = frozenset({int, bytes, str, bool, type(None)})
_REFUSED = dict.fromkeys(_KNOWN_TAGS, _refuse_tag)


def encode(value: Any) -> bytes:
    """The deterministic encoding of ints, bytes, text, lists or tuples, and dicts with int keys."""
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes, *, limit: int) -> Any:
    """The value that `data` encodes in full and in its deterministic form.

    Raises:
        InvalidValue: it is longer than `limit` bytes, is not CBOR, holds a tag, or is not in its only form.
    """
    if len(data) > limit:
        raise InvalidValue(f"A record of {len(data)} bytes is longer than the {limit} that are accepted.")
    try:
        value = cbor2.loads(
            data,
            tag_hook=_refuse_tag,
            semantic_decoders=_REFUSED,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
    except (cbor2.CBORError, InvalidValue):
        raise InvalidValue("These bytes are not a record in CBOR.") from None
    if not _is_plain(value):
        raise InvalidValue("A record holds something else than whole numbers, bytes, text, lists and maps of them.")
    if encode(value) != data:
        raise InvalidValue("The record is not in its deterministic form (RFC 8949 §4.2.1).")
    return value


def decode_again(data: bytes) -> Any:
    """The same of bytes that `decode` took before, at a third of the cost: nothing is looked at again."""
    return cbor2.loads(data)


def _is_plain(value: Any) -> bool:
    # By exact type: a simple value of CBOR is equal to the integer of its number, and a float may be.
    kind = type(value)
    if kind is list:
        return all(type(item) in _PLAIN or _is_plain(item) for item in value)
    if kind is dict:
        return all(type(key) in _PLAIN and (type(item) in _PLAIN or _is_plain(item)) for key, item in value.items())
    return kind in _PLAIN
