"""What people type for a name, and the names that the program makes up.

    name   name.local   name.<52-character owner>   name.<52-character owner>.local      any case, a last dot or not

Invariant: a `Query` names one label and at most one owner; what it was typed like is gone. The suffixes are a setting.
This module knows no registry: whether a name exists, or is a pin's look-alike, is decided by whoever holds them.
"""

from collections.abc import Collection, Iterable
from typing import Final

import attrs

from beam_actors.errors import InvalidName, InvalidValue
from beam_actors.values import Name, OwnerId

DEFAULT_SUFFIXES: Final = ("local", "localhost")
RANDOM_NAME_ENTROPY: Final = 7
"""Bytes of entropy that `random_name` consumes: 40 bits for the tail (2**40 names), 8 + 8 for the two words."""

_MAX_TEXT = 255  # RFC 1035 §2.3.4
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base32: no i, l, o or u, so nothing to mix up
_ADJECTIVES = (
    "swift", "calm", "bright", "brave", "clear", "eager", "fair", "gentle",
    "happy", "jolly", "keen", "light", "merry", "noble", "proud", "quick",
)  # fmt: skip
_NOUNS = (
    "beam", "comet", "delta", "ember", "fjord", "glade", "harbor", "island",
    "jetty", "kite", "lantern", "meadow", "nova", "orbit", "prism", "river",
)  # fmt: skip
# Longer look-alikes first: "rn" reads as "m" before "n" could be anything else.
_LOOKS_LIKE = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"), ("-", ""))


@attrs.frozen(slots=True)
class Query:
    """A name as typed: the label, and the owner when the unambiguous form was used."""

    name: Name
    owner: OwnerId | None = None

    def __str__(self) -> str:
        return f"{self.name}.{self.owner}" if self.owner else str(self.name)


def parse_query(text: str, suffixes: Collection[str] = DEFAULT_SUFFIXES) -> Query:
    """Parse what a person or a program typed.

    `suffixes` are lower-case and without dots at either end; one may have several labels.

    Raises:
        InvalidName: it is no name, has a suffix that is not ours, or too many labels; the message says which.
    """
    if len(text) > _MAX_TEXT + 1:
        raise InvalidName(f"A name with its suffix has at most {_MAX_TEXT} characters.")
    if not text.isascii():
        raise InvalidName(f"{text[:60]!r} is not a name: use a-z, 0-9 and hyphens.")
    plain = text.lower().removesuffix(".")
    for suffix in sorted(suffixes, key=len, reverse=True):
        if plain.endswith("." + suffix):
            plain = plain[: -len(suffix) - 1]
            break
    label, dot, rest = plain.partition(".")
    try:
        owner = OwnerId.parse(rest) if dot else None
    except InvalidValue:
        known = ", ".join("." + suffix for suffix in suffixes)
        raise InvalidName(
            f"Nobody can hold {text[:80]!r}: it is neither NAME, NAME with one of {known}, nor NAME.OWNER with the "
            "owner's 52 characters."
        ) from None
    if Name.is_reserved(label):
        raise InvalidName(f"Nobody can hold {text[:80]!r}: {label!r} is reserved.")
    return Query(Name(label), owner)


def skeleton(name: Name) -> str:
    """What the name looks like at a glance: names with equal skeletons are easily taken for one another."""
    seen = name.label
    for piece, like in _LOOKS_LIKE:
        seen = seen.replace(piece, like)
    return seen


def look_alikes(name: Name, others: Iterable[Name]) -> tuple[Name, ...]:
    """Those of `others` (pins, own names) that differ from `name` and look like it, in order."""
    shape = skeleton(name)
    return tuple(sorted(other for other in others if other != name and skeleton(other) == shape))


def random_name(entropy: bytes) -> Name:
    """A name such as `swift-beam-7k2m9qxa` from `RANDOM_NAME_ENTROPY` random bytes: 48 bits, 40 of them in its tail.

    Two nodes that make up 1,000 names each collide with a probability below one in a hundred million.
    """
    if len(entropy) != RANDOM_NAME_ENTROPY:
        raise InvalidValue(f"A random name takes {RANDOM_NAME_ENTROPY} bytes of entropy.")
    tail = int.from_bytes(entropy[:5], "big")
    letters = "".join(_ALPHABET[tail >> shift & 31] for shift in range(0, 40, 5))
    return Name(f"{_ADJECTIVES[entropy[5] % 16]}-{_NOUNS[entropy[6] % 16]}-{letters}")
