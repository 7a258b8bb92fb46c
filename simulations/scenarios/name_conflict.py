"""One name, several owners: claimed on both sides of a split, given up there, contested, pinned, signed twice.

What it is after: after the heal every machine sees the same conflict and decides it alike, no pin has moved, each
holder is reached by the full form of the name, a name that one owner is left with leads to that owner, a machine that
lost its memory heals what it signs twice, and a challenger who comes late enough (half a minute here) changes nothing
for a machine that knew the name.
"""

from typing import TYPE_CHECKING

from simulations.choices import SeededChoices
from simulations.faults import Attack, Fault, Restore, Split, Wipe
from simulations.operations import Expose, Fetch, Operation, Pin, Register, Release, Resolve
from simulations.plan import BadPlan, Bounds, Plan, alike, in_order
from simulations.topology import tree
from simulations.troubles import halves

if TYPE_CHECKING:
    from simulations.stage import Stage

NAME = "name_conflict"
ABOUT = "the same names claimed on both sides of a split, released in it, contested, pinned, equivocated"
SIZE = 8
_SAFETY = 70.0
_SPLIT, _WHOLE = 15.0, 50.0
"""Between these the network is in two parts."""
_SETTLED = 30.0
"""Seconds after which a hold is settled: some late challengers come before, some after."""


def plan(seed: int, size: int) -> Plan:
    """See `Scenario`; raise `BadPlan` for a machine that is alone."""
    if size < 2:
        raise BadPlan(f"{NAME} needs two machines, one on each side of the split.")
    choices = SeededChoices(seed, NAME)
    sides = halves(choices, size)
    happens: list[Operation] = []
    for number in range(max(3, size // 2)):
        happens += choices.choice(_STORIES)(choices, f"name-{number}", sides, size)
    faults: list[Fault] = [Split(at=_SPLIT, groups=sides, seconds=_WHOLE - _SPLIT)]
    if choices.boolean():
        faults.append(_memory(choices, choices.integer(0, size - 1)))
    faults += [
        Attack(at=choices.number(0.0, 30.0), kind=kind, victims=tuple(sorted(choices.shuffled(range(size))[:3])))
        for kind in ("thief", "equivocator", "replayer")
        if choices.integer(0, 2) == 0
    ]
    return Plan(
        scenario=NAME,
        seed=seed,
        machines=alike(size, tree),
        settle=10.0,
        safety=_SAFETY,
        settle_after=_SETTLED,
        bounds=Bounds(converge=150.0),
        operations=in_order(happens),
        faults=in_order(faults),
    )


def figures(stage: "Stage") -> dict[str, float]:
    """See `Scenario`."""
    model = stage.model
    holders = [len(model.holders(name)) for name in model.wanted]
    return {
        "names": float(len(holders)),
        "contested": float(sum(count > 1 for count in holders)),
        "left to one owner": float(sum(count == 1 for count in holders)),
        "pins": float(sum(len(person.pins) for person in model.people)),
    }


Sides = tuple[tuple[int, ...], tuple[int, ...]]


def _both_claim(choices: SeededChoices, name: str, sides: Sides, size: int) -> list[Operation]:
    """Two owners, one on each side, neither of whom can know."""
    a, b = (choices.choice(side) for side in sides)
    done: list[Operation] = [
        Register(at=choices.number(_SPLIT + 4, _WHOLE - 5), machine=machine, name=name) for machine in (a, b)
    ]
    done += [Expose(at=_WHOLE - 4, machine=machine, port=9000, name=name) for machine in (a, b)]
    return done + _use(choices, name, a, size)


def _late_challenger(choices: SeededChoices, name: str, sides: Sides, size: int) -> list[Operation]:
    """A name that everybody knows, pinned by some; then somebody contests it."""
    owner, challenger = (choices.choice(side) for side in sides)
    at = choices.number(0.0, 5.0)
    done: list[Operation] = [Register(at=at, machine=owner, name=name)]
    done += [Pin(at=choices.number(at + 3, _SPLIT), machine=choices.integer(0, size - 1), name=name) for _ in range(2)]
    later = choices.number(_SPLIT + 1, _SAFETY - 5)
    done.append(Register(at=later, machine=challenger, name=name, contest=True))
    return done + _use(choices, name, owner, size)


def _released_apart(choices: SeededChoices, name: str, sides: Sides, size: int) -> list[Operation]:
    """A name that is given up on one side and contested on the other: one owner is left with it."""
    owner, other = (choices.choice(side) for side in sides)
    done: list[Operation] = [Register(at=choices.number(0.0, 5.0), machine=owner, name=name)]
    if choices.boolean():
        done.append(Pin(at=choices.number(8.0, _SPLIT), machine=choices.integer(0, size - 1), name=name))
    done.append(Release(at=choices.number(_SPLIT + 4, _WHOLE), machine=owner, name=name))
    done.append(Register(at=choices.number(_SPLIT + 4, _WHOLE), machine=other, name=name, contest=True))
    return done + _use(choices, name, other, size)


def _there_and_back(choices: SeededChoices, name: str, sides: Sides, size: int) -> list[Operation]:
    """Claimed, given up and claimed again by one owner while half of the network hears nothing."""
    owner = choices.choice(sides[0])
    times = sorted(choices.number(_SPLIT + 1, _WHOLE) for _ in range(2))
    return [
        Register(at=1.0, machine=owner, name=name),
        Release(at=times[0], machine=owner, name=name),
        Register(at=times[1] + 1.0, machine=owner, name=name),
        *_use(choices, name, owner, size),
    ]


def _use(choices: SeededChoices, name: str, of: int, size: int) -> list[Operation]:
    done: list[Operation] = [
        Resolve(at=choices.number(0.0, _SAFETY), machine=choices.integer(0, size - 1), name=name) for _ in range(3)
    ]
    at = choices.number(_WHOLE, _SAFETY)
    done.append(Fetch(at=at, machine=choices.integer(0, size - 1), of=of, port=9000, name=name))
    return done


def _memory(choices: SeededChoices, machine: int) -> Fault:
    """An owner that honestly signs twice: its disk is an old one, or empty with the keys kept."""
    at = choices.number(_SPLIT + 5, _SAFETY - 10)
    if choices.boolean():
        return Restore(at=at, saved=choices.number(0.0, _SPLIT), machine=machine)
    return Wipe(at=at, machine=machine, keys=True)


_STORIES = (_both_claim, _late_challenger, _released_apart, _there_and_back)
