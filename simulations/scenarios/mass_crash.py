"""Half of the machines lose their power at one moment, with whatever they were writing, and come back.

What it is after: every answer that a person got survives, torn disk or not; the other half notices, goes on among
itself, and takes the lost ones back; tunnels that were cut never look whole. In some runs the other half fails while
the first is still coming back.
"""

from typing import TYPE_CHECKING

from simulations.choices import SeededChoices
from simulations.faults import Crash, Fault
from simulations.operations import Expose, Fetch, Operation, Pin, Register, Release, Resolve
from simulations.plan import Bounds, Plan, alike, in_order
from simulations.topology import tree

if TYPE_CHECKING:
    from simulations.stage import Stage

NAME = "mass_crash"
ABOUT = "half of the machines lose power at one moment, their disks torn, and come back"
SIZE = 30
_SAFETY = 90.0
_CRASH = 30.0
_CLOSE = 0.03
"""Seconds around the crash in which half of the people want something: their answers race with the power."""


def plan(seed: int, size: int) -> Plan:
    """See `Scenario`."""
    choices = SeededChoices(seed, NAME)
    order = choices.shuffled(range(size))
    struck, rest = order[: max(1, size // 2)], order[max(1, size // 2) :]
    happens: list[Operation] = []
    for index in range(size):
        happens += _person(choices, index, size)
    faults = _power_cut(choices, struck, _CRASH)
    if choices.boolean():
        faults += _power_cut(choices, rest, _CRASH + choices.number(0.5, 15.0))
    return Plan(
        scenario=NAME,
        seed=seed,
        machines=alike(size, tree),
        settle=10.0,
        safety=_SAFETY,
        bounds=Bounds(converge=120.0),
        operations=in_order(happens),
        faults=tuple(faults),
    )


def figures(stage: "Stage") -> dict[str, float]:
    """See `Scenario`."""
    return {
        "names": float(len(stage.model.names)),
        "power cuts": float(sum(place.machine.crashes for place in stage.places)),
        "machines": float(len(stage.places)),
    }


def _power_cut(choices: SeededChoices, machines: list[int], at: float) -> list[Fault]:
    return [
        Crash(at=at, machine=index, down=choices.number(1.0, 30.0), torn=choices.integer(0, 3) > 0)
        for index in machines
    ]


def _person(choices: SeededChoices, index: int, size: int) -> list[Operation]:
    """Something that was acknowledged long before, something that is under way when the power goes, and visits."""
    name = f"crash-{index}"
    done: list[Operation] = [Register(at=choices.number(0.0, 15.0), machine=index, name=name)]
    close = choices.number(_CRASH - _CLOSE, _CRASH + 0.001)
    last = choices.integer(0, 3)
    if last == 0:
        done.append(Release(at=close, machine=index, name=name))
    elif last == 1:
        done.append(Register(at=close, machine=index, name=f"{name}-late"))
    elif last == 2:
        done.append(Pin(at=close, machine=index, name=f"crash-{choices.integer(0, size - 1)}"))
    if last != 0:
        done.append(Expose(at=choices.number(16.0, 20.0), machine=index, port=9000, name=name))
        done += [
            Fetch(
                at=choices.number(low, high),
                machine=choices.integer(0, size - 1),
                of=index,
                port=9000,
                name=name,
                up=choices.integer(0, 200_000),
                down=choices.integer(0, 200_000),
                duplex=choices.boolean(),
                pace=choices.choice((0.0, 0.5)),
            )
            for low, high in ((22.0, _CRASH), (_CRASH, _SAFETY))
        ]
    done.append(Resolve(at=choices.number(_CRASH, _SAFETY), machine=choices.integer(0, size - 1), name=name))
    return done
