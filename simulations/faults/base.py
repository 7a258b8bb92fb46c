"""What every fault is: a value with a time, which knows how it is done and undone on the stage.

Invariants: `hold` ends with the fault's own time or with the heal, whichever is first, and what follows it undoes the
fault, so that after the heal nothing of it is left. What an invariant must forgive, it learns from the stage (a lost
disk, a killed daemon); what the stage does not say is held against the product.
"""

from typing import TYPE_CHECKING, ClassVar

import attrs

if TYPE_CHECKING:
    from simulations.stage import Stage


class Moot(Exception):
    """A fault has nothing to happen to: the machine is down, or gone for good."""


@attrs.frozen(slots=True, kw_only=True)
class Fault:
    """Something that goes wrong."""

    disturbs: ClassVar[bool] = True
    """Whether connections of its machines may break by it; if not, that is held against the product."""
    at: float
    """Seconds since the beginning of the safety phase."""

    def machines(self) -> tuple[int, ...]:
        """Whom it is about."""
        raise NotImplementedError

    async def strike(self, stage: "Stage") -> None:
        """Do it, hold it, undo it."""
        raise NotImplementedError


@attrs.frozen(slots=True, kw_only=True)
class MachineFault(Fault):
    """One that is about a single machine."""

    machine: int

    def machines(self) -> tuple[int, ...]:
        """See `Fault`."""
        return (self.machine,)
