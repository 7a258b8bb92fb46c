"""Where plans take their choices from: a seed, or Hypothesis, which then can shrink what was chosen.

Invariant: a generator of plans asks for choices in an order that follows from the choices before, so that one seed is
one plan for ever; smaller answers make simpler plans.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from beam_actors.testing.entropy import SeededEntropy

T = TypeVar("T")


class Choices(Protocol):
    """What a generator of plans asks."""

    def integer(self, least: int, most: int) -> int:
        """A whole number, both ends included."""
        ...

    def number(self, least: float, most: float) -> float:
        """A number of seconds or bytes, or a probability; to a thousandth."""
        ...

    def boolean(self) -> bool:
        """Yes in half of the cases."""
        ...

    def choice(self, values: Sequence[T]) -> T:
        """One of them; the simplest stands first."""
        ...

    def shuffled(self, values: Iterable[T]) -> list[T]:
        """All of them in some order."""
        ...

    def several(self, most: int) -> Iterable[int]:
        """0, 1, 2, …: none to `most` of them; draw what each needs between two."""
        ...


class SeededChoices:
    """From a seed, for a purpose: two purposes have independent choices."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._entropy = SeededEntropy(seed, f"plan/{purpose}")

    def integer(self, least: int, most: int) -> int:
        """See `Choices`."""
        return least + int(self._entropy.uniform() * (most - least + 1))

    def number(self, least: float, most: float) -> float:
        """See `Choices`."""
        return round(least + self._entropy.uniform() * (most - least), 3)

    def boolean(self) -> bool:
        """See `Choices`."""
        return self._entropy.uniform() < 0.5

    def choice(self, values: Sequence[T]) -> T:
        """See `Choices`."""
        return values[self.integer(0, len(values) - 1)]

    def shuffled(self, values: Iterable[T]) -> list[T]:
        """See `Choices`."""
        left = list(values)
        return [left.pop(self.integer(0, len(left) - 1)) for _ in range(len(left))]

    def several(self, most: int) -> Iterable[int]:
        """See `Choices`."""
        return range(self.integer(0, most))

    def __repr__(self) -> str:
        return f"<SeededChoices {self._entropy!r}>"
