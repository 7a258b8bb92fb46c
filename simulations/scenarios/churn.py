"""Nodes come, go, crash and come back while people use names and tunnels; at the end everybody knows the same.

What it is after: what was acknowledged survives every end of a daemon, names keep resolving, tunnels cut in the middle
never look whole, and no owner signs a number twice. About a third of the machines join late, and in the middle the
network falls into two and is healed. From a hundred machines on it takes ten minutes, each goes down about once in
them, and every fifth person has a name: what grows with the square of the machines would hide all else.
"""

from functools import partial
from typing import TYPE_CHECKING

from simulations.choices import Choices, SeededChoices
from simulations.faults import ActorCrash, Crash, Fault, Leave, Split
from simulations.operations import Expose, Fetch, Operation, Register, Release, Resolve
from simulations.plan import Bounds, MachinePlan, Plan, in_order
from simulations.topology import tree
from simulations.troubles import Kind, kill, moment, pause

if TYPE_CHECKING:
    from simulations.stage import Stage

NAME = "churn"
ABOUT = "machines join, leave, crash and are killed; names keep resolving"
SIZE = 30
_SETTLE = 10.0
_LARGE = 100
_FEW_NAMES = 5
"""In large worlds one machine of so many has a name and a tunnel."""
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
"""Whom a plan may crash: what keeps names, tunnels and connections, and what all of it rests on."""


def plan(seed: int, size: int) -> Plan:
    """See `Scenario`."""
    choices = SeededChoices(seed, NAME)
    large = size >= _LARGE
    safety, between = (600.0, 600.0) if large else (120.0, 80.0)
    machines = _machines(choices, size, safety)
    happens: list[Operation] = []
    for index in range(0, size, _FEW_NAMES if large else 1):
        happens += _person(choices, index, size, max(0.0, machines[index].boot - _SETTLE), safety)
    faults = _faults(choices, size, safety, count=max(1, int(size * safety / between)))
    if large or choices.boolean():
        faults.append(_split(choices, size, safety))
    return Plan(
        scenario=NAME,
        seed=seed,
        machines=machines,
        settle=_SETTLE,
        safety=safety,
        bounds=Bounds(converge=120.0),
        operations=in_order(happens),
        faults=in_order(faults),
    )


def figures(stage: "Stage") -> dict[str, float]:
    """See `Scenario`."""
    return {
        "daemons started": float(sum(place.machine.boots for place in stage.places)),
        "left for good": float(sum(place.gone for place in stage.places)),
        "names": float(len(stage.model.names)),
    }


def _machines(choices: SeededChoices, size: int, safety: float) -> tuple[MachinePlan, ...]:
    """A third joins late; whoever is given addresses waits until there is one."""
    machines: list[MachinePlan] = []
    for index in range(size):
        late = index >= 3 and choices.integer(0, 2) == 0
        boot = choices.number(_SETTLE, _SETTLE + safety / 2) if late else 0.0
        known = tree(index)
        if known:
            boot = max(boot, min(machines[other].boot for other in known))
        machines.append(MachinePlan(bootstrap=known, boot=boot))
    return tuple(machines)


def _person(choices: SeededChoices, index: int, size: int, start: float, safety: float) -> list[Operation]:
    name = f"{NAME}-{index}"
    at = choices.number(start, safety - 30.0)
    done: list[Operation] = [Register(at=at, machine=index, name=name)]
    if choices.integer(0, 3) == 0:
        gone = choices.number(at + 2.0, safety - 10.0)
        done.append(Release(at=gone, machine=index, name=name))
        if choices.boolean():
            done.append(Register(at=choices.number(gone + 1.0, safety), machine=index, name=name))
    else:
        done.append(Expose(at=at + 1.0, machine=index, port=9000, name=name))
        done += [_fetch(choices, at, index, size, name, safety) for _ in range(choices.integer(1, 3))]
    done += [Resolve(at=choices.number(at, safety), machine=choices.integer(0, size - 1), name=name) for _ in range(2)]
    return done


def _fetch(choices: SeededChoices, after: float, of: int, size: int, name: str, safety: float) -> Operation:
    return Fetch(
        at=choices.number(after + 2.0, safety),
        machine=choices.integer(0, size - 1),
        of=of,
        port=9000,
        name=choices.choice((name, None)),
        up=choices.integer(0, 200_000),
        down=choices.integer(0, 200_000),
        duplex=choices.boolean(),
        pace=choices.choice((0.0, 0.5, 2.0)),
    )


def _split(choices: SeededChoices, size: int, safety: float) -> Fault:
    order = choices.shuffled(range(size))
    halves = tuple(sorted(order[: size // 2])), tuple(sorted(order[size // 2 :]))
    return Split(at=safety * 0.4, groups=halves, seconds=safety * 0.15)


def _faults(choices: SeededChoices, size: int, safety: float, *, count: int) -> list[Fault]:
    """Swarm style: each kind is off in half of the runs; at least one is on. All are in large worlds."""
    on = [kind for kind in _KINDS if size >= _LARGE or choices.boolean()]
    return [choices.choice(on or [_crash])(choices, size, safety) for _ in range(count)]


def _crash(choices: Choices, size: int, safety: float) -> Fault:
    at, machine = moment(choices, safety), choices.integer(0, size - 1)
    return Crash(at=at, machine=machine, down=choices.number(1.0, 20.0), torn=choices.boolean())


def _leave(choices: Choices, size: int, safety: float) -> Fault:
    at, machine = moment(choices, safety), choices.integer(0, size - 1)
    back = machine == 0 or choices.integer(0, 4) > 0  # machine 0 is everybody's way in
    return Leave(at=at, machine=machine, down=choices.number(1.0, 60.0), back=back)


def _actor(choices: Choices, size: int, safety: float) -> Fault:
    at, machine = moment(choices, safety), choices.integer(0, size - 1)
    return ActorCrash(at=at, machine=machine, path=choices.choice(ACTORS))


_KINDS: tuple[Kind, ...] = (_crash, kill, _leave, partial(pause, most=20.0), _actor)
