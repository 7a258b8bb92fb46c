"""What of a message may be shown to a person who watches it pass.

Invariant: by default the types and the sizes, nothing else. Shown are numbers, truth values, enumerations, refs, values
of the types that the system was told are public (`System(public=...)`), and text in fields that a message's class
names in `trace_shows`. Bytes are never shown, and neither is a field that `repr` leaves out. What is shown is
bounded, and nothing that an object does when it is looked at ends the actor that handles it.
"""

import dataclasses
import enum
from collections.abc import Callable, Iterator, Sized
from types import NoneType
from typing import Any, Final

import attrs
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr

from beam_actors.runtime.exits import cut, describe
from beam_actors.runtime.ref import Ref

LONGEST_VALUE: Final = 80
"""Characters of one value."""
LONGEST: Final = 240
"""Characters of a message, or of an error."""
_FIELDS: Final = 12
_BITS: Final = 64
"""A number with more is rather a key than an amount."""


def show_message(message: Any, public: tuple[type, ...] = ()) -> str:
    """The fields of a message, as `name=value, …`; the value itself for what has no fields."""
    try:
        if isinstance(message, (ProxyCall, ProxyGetAttr, ProxySetAttr)):
            return cut(".".join(map(str, message.attr_path)), LONGEST)
        if not (attrs.has(type(message)) or dataclasses.is_dataclass(message)):
            return show_value(message, public)
        open_fields = getattr(type(message), "trace_shows", ())
        parts = [
            f"{name}={_field(getattr(message, name, None), public, named=name in open_fields) if seen else '…'}"
            for (name, seen), _ in zip(_fields(message), range(_FIELDS), strict=False)
        ]
        return cut(", ".join(parts), LONGEST)
    except Exception as error:  # noqa: BLE001 (whoever looks must not crash the actor)
        return f"<can't be shown: {type(error).__name__}>"


def show_value(value: Any, public: tuple[type, ...] = ()) -> str:
    """One value: itself if it is open, else its type and size."""
    try:
        return _field(value, public, named=False)
    except Exception as error:  # noqa: BLE001 (as above)
        return f"<can't be shown: {type(error).__name__}>"


def show_error(error: BaseException) -> str:
    """An error as crash reports have it: its type and its words."""
    return cut(describe(error), LONGEST)


def _fields(message: Any) -> Iterator[tuple[str, bool]]:
    """The names of a message's fields, and whether its `repr` shows them."""
    if attrs.has(type(message)):
        for field in attrs.fields(type(message)):
            yield field.name, field.repr is not False
    else:
        for one in dataclasses.fields(message):
            yield one.name, one.repr


def _field(value: Any, public: tuple[type, ...], *, named: bool) -> str:
    if isinstance(value, _NEVER):
        return _sized(value)
    if named and isinstance(value, str):
        return cut(repr(value[:LONGEST_VALUE]), LONGEST_VALUE)
    if isinstance(value, public):
        return cut(str(value), LONGEST_VALUE)
    for types, show in _OPEN:
        if isinstance(value, types):
            return show(value)
    return _sized(value)


def _sized(value: Any) -> str:
    kind = type(value).__name__
    return f"{kind}[{len(value)}]" if isinstance(value, Sized) else kind


def _number(value: int) -> str:
    return repr(value) if value.bit_length() <= _BITS else f"{type(value).__name__}[{value.bit_length()} bits]"


_NEVER = (bytes, bytearray, memoryview)
_OPEN: tuple[tuple[Any, Callable[[Any], str]], ...] = (
    ((NoneType, bool, float), repr),
    (enum.Enum, lambda member: f"{type(member).__name__}.{member.name}"),
    (int, _number),
    (type, lambda kind: kind.__name__),
    (Ref, lambda ref: cut(ref.path, LONGEST_VALUE)),
)
"""What is open by its type, the first that fits."""
