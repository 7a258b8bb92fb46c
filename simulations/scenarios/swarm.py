"""Anything may happen: people do what people do, and each class of faults is on in half of the runs.

What it is after: what nobody thought of. The same generator is drawn from by Hypothesis in the tests.
"""

from typing import TYPE_CHECKING

from simulations.choices import SeededChoices
from simulations.draw import draw_plan
from simulations.plan import Plan

if TYPE_CHECKING:
    from simulations.stage import Stage

NAME = "swarm"
ABOUT = "every kind of operation and fault, each class of faults off in half of the runs"
SIZE = 8


def plan(seed: int, size: int) -> Plan:
    """See `Scenario`; `size` is the most that there may be."""
    return draw_plan(SeededChoices(seed, NAME), scenario=NAME, seed=seed, size=size)


def figures(stage: "Stage") -> dict[str, float]:
    """See `Scenario`."""
    return {
        "machines": float(len(stage.places)),
        "daemons started": float(sum(place.machine.boots for place in stage.places)),
        "actors crashed": float(sum(place.crashed_actors for place in stage.places)),
    }
