"""Actors and supervisors crash again and again, one at a time or in loops, while people use what they serve.

What it is after: a crash stays where it belongs and what it takes along comes back; a loop climbs from supervisor to
supervisor until the daemon ends, and spins nowhere; sessions that all end at once restart nothing; what people were
told is still so after every incarnation of everything.
"""

from typing import TYPE_CHECKING

from simulations.choices import SeededChoices
from simulations.faults import PATHS, ActorCrash, AnyActorCrash, CrashLoop, Fault, Kill
from simulations.operations import Expose, Fetch, Operation, Register, Release, Resolve
from simulations.plan import Bounds, Plan, alike, in_order
from simulations.topology import star

if TYPE_CHECKING:
    from simulations.stage import Stage

NAME = "restart_storm"
ABOUT = "actors and supervisors crash in storms and loops; crashes stay where they belong"
SIZE = 20
_SAFETY = 120.0
_HANG_UP = 100.0
"""When every daemon but the first is killed in the same instant, so that all sessions of the first end at once."""
_LOOPS = tuple(path for path in PATHS if not path.endswith("*"))


def plan(seed: int, size: int) -> Plan:
    """See `Scenario`."""
    choices = SeededChoices(seed, NAME)
    happens: list[Operation] = []
    for index in range(size):
        happens += _person(choices, index, size)
    faults = _faults(choices, size)
    faults += [Kill(at=_HANG_UP, machine=index, down=1.0) for index in range(1, size)]
    return Plan(
        scenario=NAME,
        seed=seed,
        machines=alike(size, star),
        settle=10.0,
        safety=_SAFETY,
        bounds=Bounds(converge=120.0),
        operations=in_order(happens),
        faults=in_order(faults),
    )


def figures(stage: "Stage") -> dict[str, float]:
    """See `Scenario`."""
    return {
        "names": float(len(stage.model.names)),
        "daemons started": float(sum(place.machine.boots for place in stage.places)),
        "daemons that gave up": float(sum(len(place.machine.failures) for place in stage.places)),
    }


def _faults(choices: SeededChoices, size: int) -> list[Fault]:
    """Swarm style: each class is off in half of the runs; at least one is on."""
    makers = [make for make in (_single, _burst, _any) if choices.boolean()] or [_single]
    faults = [choices.choice(makers)(choices, choices.integer(0, size - 1)) for _ in range(max(2, size))]
    if choices.boolean():
        faults += [_loop(choices, choices.integer(0, size - 1)) for _ in range(max(1, size // 10))]
    return faults


def _single(choices: SeededChoices, machine: int) -> Fault:
    return ActorCrash(at=_when(choices), machine=machine, path=choices.choice(PATHS))


def _burst(choices: SeededChoices, machine: int) -> Fault:
    """Around the intensities of the tree: some stay just below, some escalate once, some to the top."""
    return ActorCrash(
        at=_when(choices),
        machine=machine,
        path=choices.choice(PATHS),
        times=choices.choice((3, 6, 12, 40)),
        apart=choices.choice((0.0, 0.05, 0.5, 2.0)),
    )


def _any(choices: SeededChoices, machine: int) -> Fault:
    return AnyActorCrash(
        at=_when(choices),
        machine=machine,
        times=choices.integer(5, 40),
        apart=choices.choice((0.0, 0.05, 0.5, 2.0)),
    )


def _loop(choices: SeededChoices, machine: int) -> Fault:
    """Few, since one that climbs to the top costs hundreds of restarts, in each daemon that is started again."""
    return CrashLoop(
        at=_when(choices), machine=machine, path=choices.choice(_LOOPS), seconds=choices.choice((0.5, 3.0))
    )


def _when(choices: SeededChoices) -> float:
    return choices.number(5.0, _HANG_UP - 35.0)


def _person(choices: SeededChoices, index: int, size: int) -> list[Operation]:
    name = f"storm-{index}"
    at = choices.number(0.0, 30.0)
    done: list[Operation] = [Register(at=at, machine=index, name=name)]
    if choices.integer(0, 4) == 0:
        done.append(Release(at=choices.number(at + 1.0, _SAFETY), machine=index, name=name))
    else:
        done.append(Expose(at=at + 1.0, machine=index, port=9000, name=name))
        done += [
            Fetch(
                at=choices.number(at + 2.0, _SAFETY),
                machine=choices.integer(0, size - 1),
                of=index,
                port=9000,
                name=choices.choice((name, None)),
                up=choices.integer(0, 200_000),
                down=choices.integer(0, 200_000),
                duplex=choices.boolean(),
                pace=choices.choice((0.0, 0.5, 2.0)),
            )
            for _ in range(choices.integer(1, 3))
        ]
    done += [Resolve(at=choices.number(at, _SAFETY), machine=choices.integer(0, size - 1), name=name) for _ in range(2)]
    return done
