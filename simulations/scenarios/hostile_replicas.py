"""A share of the network is hostile, while honest people use names and tunnels and their machines come and go.

What it is after: nothing unverified in any registry, no name that leads to a key which never signed for it, no pin that
moves, room for strangers within its bounds, names and tunnels of the honest that work again after the heal although the
attackers still go on, and nothing left of them when they are gone.
"""

from functools import partial
from typing import TYPE_CHECKING

from simulations.choices import SeededChoices
from simulations.faults import Attack, Fault, Split
from simulations.hostile import KINDS
from simulations.operations import Expose, Fetch, Operation, Pin, Register, Release, Resolve
from simulations.plan import Bounds, Plan, alike, in_order
from simulations.topology import tree
from simulations.troubles import crash, halves, kill, leave, pause, swarm

if TYPE_CHECKING:
    from simulations.stage import Stage

NAME = "hostile_replicas"
ABOUT = "a third of all nodes is hostile, of many kinds; the honest live on"
SIZE = 12
_SHARE = 3
"""One attacker for so many honest machines."""
_SAFETY = 60.0
_PRIVATE = 3000
"""A port that only friends may use; a burglar tries it."""
_VICTIMS = 4
"""Machines that one attacker goes for at most: each has a session with all of them all the time."""


def plan(seed: int, size: int) -> Plan:
    """See `Scenario`: `size` honest machines."""
    choices = SeededChoices(seed, NAME)
    happens: list[Operation] = []
    for index in range(size):
        happens += _person(choices, index, size)
    faults = [*_attacks(choices, size), *_churn(choices, size)]
    return Plan(
        scenario=NAME,
        seed=seed,
        machines=alike(size, tree),
        settle=10.0,
        safety=_SAFETY,
        bounds=Bounds(converge=180.0),
        operations=in_order(happens),
        faults=in_order(faults),
    )


def figures(stage: "Stage") -> dict[str, float]:
    """See `Scenario`: what the attackers spent, and what they have of it in the registries of the honest."""
    kept = [
        sum(1 for claim in stage.invariants.known_claims(place).values() if claim.owner in stage.gang.owners)
        for place in stage.core
    ]
    said = stage.gang.tally["claims said"]
    return {
        "hostile claims said": float(said),
        "kept at a node, mean": round(sum(kept) / len(kept), 1),
        "hostile owners": float(len(stage.gang.owners)),
        "hostile connections": float(stage.gang.tally["connections"]),
    }


def _attacks(choices: SeededChoices, size: int) -> list[Fault]:
    """Swarm style: some kinds in each run, each of them perhaps several times."""
    kinds = choices.shuffled(word for word, kind in KINDS.items() if not kind.NEEDS_SETTLED)[: choices.integer(1, 5)]
    found: list[Fault] = []
    for _ in range(max(1, size // _SHARE)):
        victims = tuple(sorted(choices.shuffled(range(size))[:_VICTIMS]))
        kind = choices.choice(kinds)
        guests = choices.integer(0, 2) if KINDS[kind].LISTENS else 0
        introduced = tuple(sorted(choices.shuffled(victims)[:guests]))
        found.append(Attack(at=choices.number(0.0, 20.0), kind=kind, victims=victims, introduced=introduced))
    return found


def _person(choices: SeededChoices, index: int, size: int) -> list[Operation]:
    name = f"honest-{index}"
    at = choices.number(0.0, _SAFETY / 2)
    done: list[Operation] = [Register(at=at, machine=index, name=name)]
    done.append(Resolve(at=choices.number(at + 1.0, _SAFETY), machine=choices.integer(0, size - 1), name=name))
    if choices.boolean():
        done.append(Pin(at=choices.number(at + 1.0, _SAFETY), machine=choices.integer(0, size - 1), name=name))
    if choices.integer(0, 3) == 0:
        done.append(Release(at=choices.number(at + 2.0, _SAFETY), machine=index, name=name))
        return done
    done.append(Expose(at=at + 1.0, machine=index, port=9000, name=name))
    friends = tuple(sorted(choices.shuffled(range(size))[:2]))
    done.append(Expose(at=at + 1.5, machine=index, port=_PRIVATE, name=name, allow=friends))
    done += [Fetch(at=at + 4.0, machine=friend, of=index, port=_PRIVATE) for friend in friends if friend != index]
    done += [_fetch(choices, index, size, at, name) for _ in range(2)]
    return done


def _fetch(choices: SeededChoices, index: int, size: int, at: float, name: str) -> Fetch:
    return Fetch(
        at=choices.number(at + 2.0, _SAFETY),
        machine=choices.integer(0, size - 1),
        of=index,
        port=9000,
        name=choices.choice((name, None)),
        up=choices.integer(0, 20_000),
        down=choices.integer(0, 20_000),
        pace=choices.choice((0.0, 1.0)),
    )


def _churn(choices: SeededChoices, size: int) -> list[Fault]:
    found = swarm(choices, (crash, kill, partial(leave, most=20.0), pause), size, _SAFETY, count=size // 2)
    if choices.boolean():
        groups = halves(choices, size)
        found.append(Split(at=choices.number(5.0, 30.0), groups=groups, seconds=choices.number(10.0, 40.0)))
    return found
