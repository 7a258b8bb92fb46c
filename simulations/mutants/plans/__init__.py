"""The small plans by which the simulator finds the mutants: two to four machines, and a few things that happen.

Each is run without a mutant, too, and must pass then. They are values like every plan, and can be replayed.
"""

from typing import Final

from simulations.mutants.plans import machines, names, owners, pages, peers, seats, strangers, tunnels
from simulations.plan import Plan

PLANS: Final[dict[str, Plan]] = {
    plan.scenario.removeprefix("mutant-"): plan
    for room in (names, owners, seats, pages, tunnels, machines, peers, strangers)
    for plan in room.PLANS
}
"""By name."""
