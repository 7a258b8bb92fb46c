"""What a person declares of an actor is checked where it is written, and not where it would do harm at last.

Invariant: each refusal is a sentence that names what was given; a wrong kind of thing is a `TypeError`, a number out of
its range, or none at all (`nan`), a `ValueError`. It knows of no actor and of no policy, only of kinds and ranges, and
is never called for a message.
"""

import math
from typing import Any


def kind(what: str, value: object, wanted: type) -> None:
    """Raise `TypeError` unless `value` is a `wanted`."""
    if not isinstance(value, wanted):
        article = "an" if wanted.__name__[0] in "AEIOU" else "a"
        raise TypeError(f"{what} is {article} {wanted.__name__}, not {value!r}.")


def amount(what: str, value: Any, least: float = 0, most: float = math.inf) -> None:
    """Raise `TypeError` unless `value` is a number, and `ValueError` unless it is from `least` to `most`."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{what} is a number, not {value!r}.")
    if not least <= value <= most:
        raise ValueError(f"{what} is {_range(least, most)}, not {value!r}.")


def count(what: str, value: Any, least: int = 0) -> None:
    """Raise `TypeError` unless `value` is a whole number, and `ValueError` unless it is `least` or more."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} is a whole number, not {value!r}.")
    if value < least:
        raise ValueError(f"{what} is {_range(least, math.inf)}, not {value!r}.")


def classes(what: str, value: Any, of: type) -> None:
    """Raise `TypeError` unless `value` is a tuple of subclasses of `of`."""
    if not isinstance(value, tuple) or not all(isinstance(one, type) and issubclass(one, of) for one in value):
        raise TypeError(f"{what} is a tuple of subclasses of {of.__name__}, not {value!r}.")


def _range(least: float, most: float) -> str:
    return f"{least:g} or more" if most == math.inf else f"from {least:g} to {most:g}"
