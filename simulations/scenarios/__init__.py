"""The scenarios, a file each: `NAME`, `ABOUT`, `SIZE`, `plan(seed, size)`, and `figures(stage)` for the report.

A scenario makes plans and looks at nothing while they run; what must hold is the invariants' matter, and within which
time the plan's own bounds say. A new file here is a new scenario.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING, Protocol, cast

from simulations.plan import Plan

if TYPE_CHECKING:
    from simulations.stage import Stage


class UnknownScenario(ValueError):
    """There is no such file."""


class Scenario(Protocol):
    """What a scenario's module has."""

    NAME: str
    ABOUT: str
    """One line for the list."""
    SIZE: int
    """How many machines when nobody says."""

    @staticmethod
    def plan(seed: int, size: int) -> Plan:
        """The plan of a seed: the same for ever, as long as this file does not change.

        Raises:
            BadPlan: so few machines can't show what the scenario is after.
        """
        ...

    @staticmethod
    def figures(stage: "Stage") -> dict[str, float]:
        """What the report should say beside the figures of every run; called after the liveness phase."""
        ...


def names() -> list[str]:
    """All scenarios."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Scenario:
    """One of them; raise `UnknownScenario`."""
    if name not in names():
        raise UnknownScenario(f"There is no scenario {name!r}; there are {', '.join(names())}.")
    return cast("Scenario", importlib.import_module(f"{__name__}.{name}"))


def figures_of(name: str, stage: "Stage") -> dict[str, float]:
    """The figures of a plan's scenario; none of a plan that no scenario made."""
    return load(name).figures(stage) if name in names() else {}
