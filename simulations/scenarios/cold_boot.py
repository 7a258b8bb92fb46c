"""Everything starts at once: first a new network, then the same one after a power cut of all its machines.

What it is after: one bootstrap node that all dial in the same instant, names that are registered before their owner
knows anybody, and daemons that come back in any order, the bootstrap node perhaps last, to peers that are not there
yet. Nothing that was acknowledged may be lost by it, and all must find each other again.
"""

from typing import TYPE_CHECKING

from simulations.choices import SeededChoices
from simulations.faults import Crash, Fault
from simulations.operations import Expose, Fetch, Operation, Register, Resolve
from simulations.plan import Bounds, Plan, alike, in_order
from simulations.topology import star

if TYPE_CHECKING:
    from simulations.stage import Stage

NAME = "cold_boot"
ABOUT = "all machines start at once with one bootstrap, lose power at once, and start again"
SIZE = 30
_SAFETY = 60.0
_DARK = 20.0
"""When the power goes, everywhere."""


def plan(seed: int, size: int) -> Plan:
    """See `Scenario`."""
    choices = SeededChoices(seed, NAME)
    happens: list[Operation] = []
    for index in range(size):
        happens += _person(choices, index, size)
    late = choices.choice((0.0, 5.0, 15.0))  # how long the bootstrap node takes longer than the others
    torn = choices.boolean()
    faults: list[Fault] = [
        Crash(at=_DARK, machine=index, down=5.0 + (late if index == 0 else choices.number(0.0, 2.0)), torn=torn)
        for index in range(size)
    ]
    return Plan(
        scenario=NAME,
        seed=seed,
        machines=alike(size, star),
        settle=1.0,
        safety=_SAFETY,
        bounds=Bounds(converge=120.0),
        operations=in_order(happens),
        faults=tuple(faults),
    )


def figures(stage: "Stage") -> dict[str, float]:
    """See `Scenario`."""
    peers = sorted(len(stage.inside.sessions(place.node)) for place in stage.core)
    return {
        "names": float(len(stage.model.names)),
        "daemons started": float(sum(place.machine.boots for place in stage.places)),
        "peers of the bootstrap": float(len(stage.inside.sessions(stage.places[0].node))),
        "median of peers": float(peers[len(peers) // 2]),
    }


def _person(choices: SeededChoices, index: int, size: int) -> list[Operation]:
    """A name in the first seconds, a tunnel, and visits before and after the power cut."""
    name = f"cold-{index}"
    at = choices.number(0.0, 3.0)
    done: list[Operation] = [Register(at=at, machine=index, name=name)]
    if choices.boolean():
        done.append(Expose(at=at + 1.0, machine=index, port=9000, name=name))
        done += [
            Fetch(
                at=choices.number(low, high),
                machine=choices.integer(0, size - 1),
                of=index,
                port=9000,
                name=name,
                up=choices.integer(0, 50_000),
                down=choices.integer(0, 50_000),
                pace=choices.choice((0.0, 0.5)),
            )
            for low, high in ((at + 2.0, _DARK), (_DARK + 8.0, _SAFETY))
        ]
    done += [
        Resolve(at=choices.number(low, high), machine=choices.integer(0, size - 1), name=name)
        for low, high in ((at, at + 3.0), (_DARK + 5.0, _SAFETY))
    ]
    return done
