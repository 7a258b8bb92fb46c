"""Names that people use are crowded: each of some attackers has 96 owners claim one, where a node keeps 32 for a name.

What it is after: whoever knew the name for long before (half a minute here) is led on to its holder; everybody reaches
the holder by the name's full form, who lost all memory, too; whoever copied a holder's key before it was replaced
claims nothing with it, though the crowd drives out the claim that says so; and when it is over all registries are the
same, but for what their own people made them keep.
"""

from typing import TYPE_CHECKING

from simulations.choices import SeededChoices
from simulations.faults import Attack, Crash, Fault, Split, Wipe
from simulations.operations import Operation, Pin, Register, Resolve
from simulations.owner_operations import Rotate
from simulations.plan import Bounds, Plan, alike, in_order
from simulations.topology import tree
from simulations.troubles import halves

if TYPE_CHECKING:
    from simulations.stage import Stage

NAME = "crowd"
ABOUT = "names in use are claimed by more owners than a node keeps; the holders are still reached"
SIZE = 9
_SAFETY = 90.0
_SETTLED = 20.0
_COPIED, _REPLACED = 8.0, 12.0
"""When a key is copied, and from when on its owner replaces it."""
_LATE = 35.0
"""When every machine has known every name for long enough."""


def plan(seed: int, size: int) -> Plan:
    """See `Scenario`."""
    choices = SeededChoices(seed, NAME)
    happens: list[Operation] = []
    for index in range(size):
        name = f"used-{index}"
        happens.append(Register(at=choices.number(0.0, 4.0), machine=index, name=name))
        happens += [
            Resolve(at=choices.number(_LATE, _SAFETY), machine=choices.integer(0, size - 1), name=name)
            for _ in range(2)
        ]
        if choices.boolean():
            happens.append(Pin(at=choices.number(10.0, _SAFETY), machine=choices.integer(0, size - 1), name=name))
    faults: list[Fault] = []
    for index in choices.shuffled(range(size))[: choices.integer(0, 2)]:
        others = [other for other in choices.shuffled(range(size)) if other != index]
        faults.append(Attack(at=_COPIED, kind="copyist", victims=(index, *sorted(others[:3]))))
        happens.append(Rotate(at=choices.number(_REPLACED, _LATE), machine=index))
    for _ in range(choices.integer(1, 3)):
        victims = tuple(sorted(choices.shuffled(range(size))[:3]))
        faults.append(Attack(at=choices.number(_LATE, 50.0), kind="mob", victims=victims))
    if choices.boolean():
        faults.append(Crash(at=choices.number(40.0, 70.0), machine=choices.integer(0, size - 1), down=5.0, torn=True))
    if choices.boolean():
        faults.append(Wipe(at=choices.number(50.0, 75.0), machine=choices.integer(0, size - 1), keys=True))
    if choices.boolean():
        groups = halves(choices, size)
        faults.append(Split(at=choices.number(_LATE, 60.0), groups=groups, seconds=20.0))
    return Plan(
        scenario=NAME,
        seed=seed,
        machines=alike(size, tree),
        settle=10.0,
        safety=_SAFETY,
        settle_after=_SETTLED,
        bounds=Bounds(converge=180.0),
        operations=in_order(happens),
        faults=in_order(faults),
    )


def figures(stage: "Stage") -> dict[str, float]:
    """See `Scenario`: how crowded it was."""
    crowded = [name for name, owners in stage.model.claimants.items() if len(owners) > 32]
    kept = [stage.inside.knowledge(place.node) for place in stage.core if place.up]
    owners = [known.registry.owners_of(name) for known in kept if known for name in known.registry.names]
    return {
        "names crowded": float(len(crowded)),
        "most owners of a name at a node": float(max(owners, default=0)),
        "hostile claims said": float(stage.gang.tally["claims said"]),
        "claims by a copied key": float(stage.gang.tally["claims by a copied key"]),
    }
