"""What goes wrong in a scenario, as chance deals it: kinds that are on or off, machines struck at some moment, halves.

Swarm style (Groce et al., ISSTA 2012): each kind is off in half of the plans, so that none hides another. Invariant:
what is asked of `choices` is asked in one order, so that a seed of a scenario stays the plan that it is.

`churn` is about just these faults: some kind is always on, all are in large worlds, and of three kinds it has its own,
since machines stay away longer or for good there and actors crash alone. What Hypothesis draws (`draw`) is not from
here: it may be nothing at all in each number, so that a plan shrinks.
"""

from collections.abc import Callable, Sequence

from simulations.choices import Choices
from simulations.faults import Crash, Fault, Kill, Leave, Pause

Kind = Callable[[Choices, int, float], Fault]
"""Makes a fault of one kind, of the number of machines and the seconds of the safety phase."""


def swarm(choices: Choices, kinds: Sequence[Kind], size: int, safety: float, *, count: int) -> list[Fault]:
    """So many faults of those kinds that are on, or none where none is."""
    on = [kind for kind in kinds if choices.boolean()]
    return [choices.choice(on)(choices, size, safety) for _ in range(count if on else 0)]


def crash(choices: Choices, size: int, safety: float) -> Fault:
    """A machine loses power for some seconds."""
    torn, down = choices.boolean(), choices.number(1.0, 10.0)
    return Crash(at=moment(choices, safety), machine=choices.integer(0, size - 1), down=down, torn=torn)


def kill(choices: Choices, size: int, safety: float) -> Fault:
    """A daemon is killed, and started again."""
    return Kill(at=moment(choices, safety), machine=choices.integer(0, size - 1), down=choices.number(0.0, 5.0))


def leave(choices: Choices, size: int, safety: float, *, most: float) -> Fault:
    """A daemon ends in order, for at most so many seconds."""
    return Leave(at=moment(choices, safety), machine=choices.integer(0, size - 1), down=choices.number(1.0, most))


def pause(choices: Choices, size: int, safety: float, *, most: float = 15.0) -> Fault:
    """A daemon does nothing for some seconds."""
    return Pause(at=moment(choices, safety), machine=choices.integer(0, size - 1), seconds=choices.number(0.5, most))


def moment(choices: Choices, safety: float) -> float:
    """A moment of the safety phase."""
    return choices.number(1.0, safety - 1.0)


def halves(choices: Choices, size: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """All machines in two groups of one size, or nearly so."""
    order = choices.shuffled(range(size))
    return tuple(sorted(order[::2])), tuple(sorted(order[1::2]))
