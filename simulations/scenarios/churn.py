"""Nodes come, go, crash and come back while people use names and tunnels; at the end everybody knows the same.

What it is after: what was acknowledged survives every end of a daemon, names keep resolving, tunnels cut in the middle
never look whole, and no owner signs a number twice. About a third of the machines join late.
"""

from typing import TYPE_CHECKING

from simulations.choices import SeededChoices
from simulations.faults import ActorCrash, Crash, Fault, Kill, Leave, Pause
from simulations.operations import Expose, Fetch, Operation, Register, Release, Resolve
from simulations.plan import Bounds, MachinePlan, Plan
from simulations.scenarios.partition import bootstraps

if TYPE_CHECKING:
    from simulations.stage import Stage

NAME = "churn"
ABOUT = "machines join, leave, crash and are killed; names keep resolving"
SIZE = 30
_SETTLE = 10.0
_SAFETY = 120.0
_EACH = 40.0
"""Virtual seconds of the safety phase for each time that a machine goes down, on average."""
ACTORS = (
    "core/services/registry",
    "core/services/names",
    "core/services/names/*",
    "core/services/spread",
    "core/services/network",
    "core/services/network/peers/*",
    "core/services/tunnels",
    "core/services/forwards",
    "core/store",
    "core/pump",
    "control",
)
"""Whom a plan may crash: one of each kind."""


def plan(seed: int, size: int) -> Plan:
    """See `Scenario`."""
    choices = SeededChoices(seed, NAME)
    machines = tuple(
        MachinePlan(
            bootstrap=bootstraps(index),
            boot=choices.number(_SETTLE, _SETTLE + _SAFETY / 2) if index >= 3 and choices.integer(0, 2) == 0 else 0.0,
        )
        for index in range(size)
    )
    happens: list[Operation] = []
    for index in range(size):
        happens += _person(choices, index, size, max(0.0, machines[index].boot - _SETTLE))
    return Plan(
        scenario=NAME,
        seed=seed,
        machines=machines,
        settle=_SETTLE,
        safety=_SAFETY,
        bounds=Bounds(converge=120.0),
        operations=tuple(sorted(happens, key=lambda one: one.at)),
        faults=tuple(sorted(_faults(choices, size), key=lambda one: one.at)),
    )


def figures(stage: "Stage") -> dict[str, float]:
    """See `Scenario`."""
    return {
        "daemons started": float(sum(place.machine.boots for place in stage.places)),
        "left for good": float(sum(place.gone for place in stage.places)),
        "names": float(len(stage.model.names)),
    }


def _person(choices: SeededChoices, index: int, size: int, start: float) -> list[Operation]:
    name = f"{NAME}-{index}"
    at = choices.number(start, _SAFETY - 30.0)
    done: list[Operation] = [Register(at=at, machine=index, name=name)]
    if choices.integer(0, 3) == 0:
        gone = choices.number(at + 2.0, _SAFETY - 10.0)
        done.append(Release(at=gone, machine=index, name=name))
        if choices.boolean():
            done.append(Register(at=choices.number(gone + 1.0, _SAFETY), machine=index, name=name))
    else:
        done.append(Expose(at=at + 1.0, machine=index, port=9000, name=name))
        done += [_fetch(choices, at, index, size, name) for _ in range(choices.integer(1, 3))]
    done += [Resolve(at=choices.number(at, _SAFETY), machine=choices.integer(0, size - 1), name=name) for _ in range(2)]
    return done


def _fetch(choices: SeededChoices, after: float, of: int, size: int, name: str) -> Operation:
    return Fetch(
        at=choices.number(after + 2.0, _SAFETY),
        machine=choices.integer(0, size - 1),
        of=of,
        port=9000,
        name=choices.choice((name, None)),
        up=choices.integer(0, 200_000),
        down=choices.integer(0, 200_000),
        duplex=choices.boolean(),
        pace=choices.choice((0.0, 0.5, 2.0)),
    )


def _faults(choices: SeededChoices, size: int) -> list[Fault]:
    """Swarm style: each class is off in half of the runs; at least one is on."""
    makers = [make for make in (_crash, _kill, _leave, _pause, _actor) if choices.boolean()] or [_crash]
    count = max(1, int(size * _SAFETY / _EACH / 2))
    return [choices.choice(makers)(choices, choices.integer(0, size - 1)) for _ in range(count)]


def _crash(choices: SeededChoices, machine: int) -> Fault:
    return Crash(at=_when(choices), machine=machine, down=choices.number(1.0, 20.0), torn=choices.boolean())


def _kill(choices: SeededChoices, machine: int) -> Fault:
    return Kill(at=_when(choices), machine=machine, down=choices.number(0.0, 5.0))


def _leave(choices: SeededChoices, machine: int) -> Fault:
    back = machine == 0 or choices.integer(0, 4) > 0  # machine 0 is everybody's way in
    return Leave(at=_when(choices), machine=machine, down=choices.number(1.0, 60.0), back=back)


def _pause(choices: SeededChoices, machine: int) -> Fault:
    return Pause(at=_when(choices), machine=machine, seconds=choices.number(0.5, 20.0))


def _actor(choices: SeededChoices, machine: int) -> Fault:
    return ActorCrash(at=_when(choices), machine=machine, path=choices.choice(ACTORS))


def _when(choices: SeededChoices) -> float:
    return choices.number(1.0, _SAFETY - 1.0)
