"""Which values the fields of a plan may have: validators, each with the sentence that refuses what can't be run.

Invariant: what passes is a value that a run can have; that machines and times fit each other is the plan's own matter.
"""

import reprlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from beam_actors.values import Name, OwnerId

if TYPE_CHECKING:
    import attrs

YEAR = 366 * 86_400
Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]


class BadPlan(ValueError):
    """The plan contradicts itself, or the file holds no plan of this format."""


def between(least: float, most: float) -> Validator:
    """A number, both ends included; no number is beyond all."""

    def check(_owner: object, attribute: "attrs.Attribute[float]", value: float) -> None:
        if not least <= value <= most:
            raise BadPlan(f"{attribute.name} must be from {least} to {most}, not {reprlib.repr(value)}")

    return check


def one_of(words: Iterable[str]) -> Validator:
    """One of these words."""
    known = tuple(words)

    def check(_owner: object, attribute: "attrs.Attribute[str]", value: str) -> None:
        if value not in known:
            raise BadPlan(f"{attribute.name} must be one of {', '.join(known)}, not {reprlib.repr(value)}")

    return check


def name(_owner: object, _attribute: "attrs.Attribute[str]", value: str) -> None:
    """A name as owners claim it; raise `InvalidName`."""
    Name(value)


def any_form(_owner: object, _attribute: "attrs.Attribute[str]", value: str) -> None:
    """What people may ask for: a name, or its full form with the owner's id; raise `InvalidValue`."""
    label, dot, owner = value.partition(".")
    Name(label)
    if dot:
        OwnerId.parse(owner)


SECONDS = between(0, YEAR)
STEP = between(-10 * YEAR, 10 * YEAR)
"""Seconds by which a clock is wrong."""
DRIFT = between(-1, 1)
WORK = between(0, 8)
TIMES = between(1, 10_000)
PORT = between(1, 65_535)
SIZE = between(0, 1 << 40)
"""Bytes."""
SEEDS = -(1 << 63), (1 << 63) - 1
SEED = between(*SEEDS)
