"""A network in which little happens: what a machine costs in a simulation, and how that grows with their number.

All machines start and stay; ten names and tunnels, however many machines there are, some visits, and one in a hundred
machines is killed and comes back. What grows faster than the number of machines is then the product's or the
simulator's, not the workload's. All invariants are checked as ever.
"""

from typing import TYPE_CHECKING

from simulations.choices import SeededChoices
from simulations.faults import Kill
from simulations.operations import Expose, Fetch, Operation, Register, Resolve
from simulations.plan import Bounds, Plan, alike, in_order
from simulations.topology import tree

if TYPE_CHECKING:
    from simulations.stage import Stage

NAME = "steady"
ABOUT = "a quiet network, for measuring: ten names, some visits, one machine in a hundred is killed"
SIZE = 100
_SAFETY = 60.0
_NAMES = 10


def plan(seed: int, size: int) -> Plan:
    """See `Scenario`."""
    choices = SeededChoices(seed, NAME)
    owners = choices.shuffled(range(size))[:_NAMES]
    killed = sorted({choices.integer(1, max(1, size - 1)) for _ in range(max(1, size // 100))} & set(range(size)))
    happens: list[Operation] = []
    for index in owners:
        happens += _person(choices, index, size)
    return Plan(
        scenario=NAME,
        seed=seed,
        machines=alike(size, tree),
        settle=10.0,
        safety=_SAFETY,
        bounds=Bounds(converge=120.0),
        operations=in_order(happens),
        faults=tuple(Kill(at=choices.number(20.0, 40.0), machine=index) for index in killed),
    )


def figures(stage: "Stage") -> dict[str, float]:
    """See `Scenario`."""
    return {"names": float(len(stage.model.names))}


def _person(choices: SeededChoices, index: int, size: int) -> list[Operation]:
    name = f"steady-{index}"
    at = choices.number(0.0, 10.0)
    return [
        Register(at=at, machine=index, name=name),
        Expose(at=at + 1.0, machine=index, port=9000, name=name),
        Resolve(at=choices.number(at + 5.0, _SAFETY), machine=choices.integer(0, size - 1), name=name),
        Fetch(
            at=choices.number(at + 5.0, _SAFETY),
            machine=choices.integer(0, size - 1),
            of=index,
            port=9000,
            name=name,
            up=choices.integer(0, 100_000),
            down=choices.integer(0, 100_000),
            duplex=choices.boolean(),
        ),
    ]
