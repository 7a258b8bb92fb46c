"""What the small plans have in common: few machines, short phases, tight bounds."""

from collections.abc import Sequence
from typing import Final

from simulations.faults import Fault
from simulations.operations import Operation
from simulations.plan import Bounds, MachinePlan, Plan, in_order

PAIR: Final = ((), (0,))
LINE: Final = ((), (0,), (1,))
"""m0 and m2 know each other through m1 alone."""
TRIO: Final = ((), (0,), (0,))
"""m1 and m2 are given m0."""
STAR: Final = ((), (0,), (0,), (0,))
_BOUNDS = Bounds(converge=70.0)


def small(
    name: str,
    bootstraps: Sequence[tuple[int, ...]],
    operations: Sequence[Operation],
    faults: Sequence[Fault] = (),
    *,
    safety: float,
    settle: float = 4.0,
    bounds: Bounds = _BOUNDS,
    seed: int = 1,
) -> Plan:
    """A plan of plain machines, each given those of its entry in `bootstraps`."""
    return Plan(
        scenario=f"mutant-{name}",
        seed=seed,
        machines=tuple(MachinePlan(bootstrap=known) for known in bootstraps),
        settle=settle,
        safety=safety,
        bounds=bounds,
        operations=in_order(operations),
        faults=tuple(faults),
    )
