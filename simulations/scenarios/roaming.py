"""Owners move between networks, with public addresses and behind routers of every kind, while their tunnels are used.

What it is after: a moved owner is found again by its name and by its peer id, soon, and over the session that it opens
itself where nobody can dial it; connections that a move cuts never look whole; names and registries do not notice. The
product has no relays and punches no holes yet: so those who visit somebody behind a router are the machines that it
dials, and at the end everybody is where all can reach it.
"""

from typing import TYPE_CHECKING

from beam_actors.testing.network import REGIONS, Filtering, Mapping
from simulations.choices import SeededChoices
from simulations.faults import Fault, Move, Rebind
from simulations.operations import Expose, Fetch, Follow, Operation, Register, Resolve
from simulations.plan import Bounds, MachinePlan, NatPlan, Plan, in_order

if TYPE_CHECKING:
    from simulations.stage import Stage

NAME = "roaming"
ABOUT = "owners move between networks and routers in eight regions while their tunnels are used"
SIZE = 20
_SAFETY = 190.0
_MOVES = (10.0, 70.0, 130.0)
"""When the owners begin to move, each within some seconds."""
_SPREAD = 10.0
_WITHIN = 35.0
"""Seconds within which a moved owner must be reached: eleven until the silence is noticed, and a late dial."""
_PORT = 9000


def plan(seed: int, size: int) -> Plan:
    """See `Scenario`."""
    choices = SeededChoices(seed, NAME)
    hubs = max(1, size // 4)
    nats = tuple(_router(choices) for _ in range(max(2, size // 3)))
    happens: list[Operation] = []
    faults: list[Fault] = []
    for index in range(hubs, size):
        happens += _offer(choices, index, size)
        for number, begin in enumerate(_MOVES):
            at = choices.number(begin, begin + _SPREAD)
            last = number == len(_MOVES) - 1
            behind = None if last else choices.choice((None, *range(len(nats))))
            faults.append(Move(at=at, machine=index, nat=behind))
            happens += _visits(choices, at, index, hubs)
    if choices.boolean():
        faults += [Rebind(at=choices.number(*_between(choices)), nat=nat) for nat in range(len(nats))]
    return Plan(
        scenario=NAME,
        seed=seed,
        machines=tuple(
            MachinePlan(
                bootstrap=tuple(range(min(index, hubs))) if index < hubs else (index % hubs,),
                region=choices.choice(REGIONS),
            )
            for index in range(size)
        ),
        nats=nats,
        settle=10.0,
        safety=_SAFETY,
        bounds=Bounds(converge=120.0, tunnels=60.0),
        operations=in_order(happens),
        faults=in_order(faults),
    )


def figures(stage: "Stage") -> dict[str, float]:
    """See `Scenario`."""
    return {
        "moves": float(stage.counts["faults"]["move"]),
        "routers": float(len(stage.nats)),
        "names": float(len(stage.model.names)),
    }


def _router(choices: SeededChoices) -> NatPlan:
    return NatPlan(
        mapping=choices.choice(list(Mapping)),
        filtering=choices.choice(list(Filtering)),
        expiry=choices.choice((30.0, 120.0)),
        hairpin=choices.boolean(),
        region=choices.choice(REGIONS),
    )


def _between(choices: SeededChoices) -> tuple[float, float]:
    """When nobody has moved for a while and nobody will for a while."""
    begin = choices.choice(_MOVES[:2])
    return begin + _SPREAD + _WITHIN, begin + _SPREAD + _WITHIN + 2.0


def _offer(choices: SeededChoices, index: int, size: int) -> list[Operation]:
    name = f"roam-{index}"
    return [
        Register(at=choices.number(0.0, 3.0), machine=index, name=name),
        Expose(at=4.0, machine=index, port=_PORT, name=name),
        *(Resolve(at=choices.number(8.0, _SAFETY), machine=choices.integer(0, size - 1), name=name) for _ in range(3)),
    ]


def _visits(choices: SeededChoices, at: float, index: int, hubs: int) -> list[Operation]:
    """One that is under way when the owner moves, and one that follows it, both from the machine that it dials."""
    hub, name = index % hubs, f"roam-{index}"
    return [
        Fetch(
            at=at - choices.number(0.2, 3.0),
            machine=hub,
            of=index,
            port=_PORT,
            name=choices.choice((name, None)),
            up=choices.integer(0, 200_000),
            down=choices.integer(0, 200_000),
            duplex=choices.boolean(),
            pace=0.5,
        ),
        Follow(at=at + 0.001, machine=hub, of=index, port=_PORT, name=choices.choice((name, None)), within=_WITHIN),
    ]
