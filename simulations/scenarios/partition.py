"""The network falls into parts while names are registered in all of them, some of them the same; then it is healed.

What it is after: registries that are equal to the byte although each part has seen another history, contests that are
decided alike everywhere, tunnels that work across the former border, and nothing lost of what people were told.
"""

from typing import TYPE_CHECKING

from simulations.choices import SeededChoices
from simulations.faults import Fault, Split
from simulations.operations import Expose, Fetch, Operation, Register, Release, Resolve
from simulations.plan import BadPlan, Bounds, Plan, alike, in_order
from simulations.topology import tree
from simulations.troubles import halves

if TYPE_CHECKING:
    from simulations.stage import Stage

NAME = "partition"
ABOUT = "a k-way split with registrations on all sides, healed: equal registries"
SIZE = 30
_SAFETY = 60.0
_SPLIT = 10.0
"""When the network falls apart: before it, some names are known everywhere."""


def plan(seed: int, size: int) -> Plan:
    """See `Scenario`; raise `BadPlan` for a machine that is alone."""
    if size < 2:
        raise BadPlan(f"{NAME} needs two machines, of which one can be parted from the other.")
    choices = SeededChoices(seed, NAME)
    parts = choices.integer(2, min(4, max(2, size // 2)))
    order = choices.shuffled(range(size))
    groups = tuple(tuple(sorted(order[part::parts])) for part in range(parts))
    happens: list[Operation] = []
    for index in range(size):
        happens += _person(choices, index, size)
    for number in range(max(1, size // 5)):
        happens += _contest(choices, number, groups)
    faults: list[Fault] = [Split(at=_SPLIT, groups=groups, seconds=_SAFETY)]
    if choices.boolean():
        again = halves(choices, size)
        faults = [
            Split(at=_SPLIT, groups=groups, seconds=20.0),
            Split(at=_SPLIT + 25.0, groups=again, seconds=_SAFETY),
        ]
    return Plan(
        scenario=NAME,
        seed=seed,
        machines=alike(size, tree),
        settle=10.0,
        safety=_SAFETY,
        bounds=Bounds(converge=60.0),
        operations=in_order(happens),
        faults=tuple(faults),
    )


def figures(stage: "Stage") -> dict[str, float]:
    """See `Scenario`."""
    contested = sum(len(stage.model.holders(name)) > 1 for name in stage.model.names)
    return {"names": float(len(stage.model.names)), "contested": float(contested)}


def _person(choices: SeededChoices, index: int, size: int) -> list[Operation]:
    """A name of one's own, before or during the split; perhaps given up in it, or with a tunnel that others visit."""
    name = f"{NAME}-{index}"
    at = choices.number(0.0, _SAFETY - 20.0)
    done: list[Operation] = [Register(at=at, machine=index, name=name)]
    if choices.boolean():
        done.append(Expose(at=at + 2.0, machine=index, port=9000, name=name))
        visitor = choices.integer(0, size - 1)
        done.append(
            Fetch(
                at=choices.number(at + 3.0, _SAFETY),
                machine=visitor,
                of=index,
                port=9000,
                name=name,
                up=choices.integer(0, 100_000),
                down=choices.integer(0, 100_000),
                duplex=choices.boolean(),
                pace=choices.choice((0.0, 0.5)),
            )
        )
    elif choices.boolean():
        done.append(Release(at=choices.number(at + 1.0, _SAFETY - 1.0), machine=index, name=name))
    done.append(Resolve(at=choices.number(at, _SAFETY), machine=choices.integer(0, size - 1), name=name))
    return done


def _contest(choices: SeededChoices, number: int, groups: tuple[tuple[int, ...], ...]) -> list[Operation]:
    """One name, claimed in two parts that can't hear of each other."""
    name = f"{NAME}-both-{number}"
    return [
        Register(at=choices.number(_SPLIT + 5.0, _SPLIT + 15.0), machine=choices.choice(group), name=name)
        for group in groups[:2]
    ]
