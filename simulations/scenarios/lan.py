"""People on LANs with printers: names that a device has by multicast DNS too, pages that people open and that load.

What it is after: a claim captures no device's name, and no device one that a person owns or bound; a name is pinned by
a page that a person opened, by no other request, and to whom the page came from.
"""

from functools import partial
from typing import TYPE_CHECKING

from simulations.browsing import HTTPS, Way
from simulations.choices import Choices, SeededChoices
from simulations.faults import ActorCrash, Fault, Move
from simulations.operations import Expose, Operation, Petname, Pin, Register, Release
from simulations.owner_operations import Rotate, Transfer
from simulations.plan import Bounds, DevicePlan, MachinePlan, NatPlan, Plan, in_order
from simulations.troubles import crash, kill, leave, moment, swarm
from simulations.web_operations import Locate, Visit

if TYPE_CHECKING:
    from simulations.stage import Stage

NAME = "lan"
ABOUT = "devices of LANs have names by mDNS, people open pages there, and pages of other sites load things"
SIZE = 9
_SAFETY = 80.0
_MOST_LANS = 8
_KNOWN = 10.0
"""By then names are claimed and offered."""
_PATHS = ("core/services/ingress/devices", "core/services/ingress/resolver", "core/services/ingress/https")


def plan(seed: int, size: int) -> Plan:
    """See `Scenario`."""
    choices = SeededChoices(seed, NAME)
    lans = max(1, min(_MOST_LANS, size // 4))
    devices = tuple(DevicePlan(name=f"printer-{lan}", nat=lan) for lan in range(lans))
    machines = tuple(_machine(index, lans) for index in range(size))
    happens: list[Operation] = []
    for index in range(size):
        happens += _names(choices, index, lans)
        happens += _uses(choices, index, size, lans)
    return Plan(
        scenario=NAME,
        seed=seed,
        machines=machines,
        nats=tuple(NatPlan() for _ in range(lans)),
        devices=devices,
        settle=5.0,
        safety=_SAFETY,
        bounds=Bounds(converge=150.0, tunnels=60.0),
        operations=in_order(happens),
        faults=in_order([*_troubles(choices, size, lans), *_leaves(size)]),
    )


def figures(stage: "Stage") -> dict[str, float]:
    """See `Scenario`."""
    done = stage.counts["operations"]
    return {
        "devices": float(len(stage.plan.devices)),
        "devices were asked": float(sum(lan.asked for lan in stage.lans.values())),
        "led to a device": float(done["locate: a device"]),
        "pages opened": float(done[f"visit: {Way.TYPED.value}"]),
    }


def _machine(index: int, lans: int) -> MachinePlan:
    """A third is on the internet, all others are on a LAN each."""
    return MachinePlan(bootstrap=() if index == 0 else (0,), nat=None if index % 3 == 0 else index % lans)


def _names(choices: SeededChoices, index: int, lans: int) -> list[Operation]:
    """A name of one's own, with a page; some claim what a printer has. Some hand theirs over or rotate."""
    name = f"lan-{index}"
    done: list[Operation] = [
        Register(at=choices.number(0.0, 3.0), machine=index, name=name),
        Expose(at=5.0, machine=index, port=HTTPS, name=name),
    ]
    if choices.integer(0, 2) == 0:
        device = f"printer-{choices.integer(0, lans - 1)}"
        done.append(Register(at=choices.number(0.0, 40.0), machine=index, name=device, contest=choices.boolean()))
        if choices.boolean():
            done.append(Release(at=choices.number(40.0, _SAFETY), machine=index, name=device))
    if choices.integer(0, 3) == 0:
        done.append(Rotate(at=choices.number(25.0, _SAFETY), machine=index))
    return done


def _uses(choices: SeededChoices, index: int, size: int, lans: int) -> list[Operation]:
    """Pages of others, and the names of devices here and elsewhere."""
    done: list[Operation] = []
    for _ in range(3):
        name = f"lan-{choices.integer(0, size - 1)}"
        way = choices.choice((Way.TYPED, Way.TYPED, *Way))
        done.append(Visit(at=choices.number(_KNOWN, _SAFETY), machine=index, name=name, way=way))
    for _ in range(2):
        device = f"printer-{choices.integer(0, lans - 1)}"
        done.append(Locate(at=choices.number(1.0, _SAFETY), machine=index, name=device))
    done.append(Locate(at=choices.number(1.0, _SAFETY), machine=index, name=f"lan-{choices.integer(0, size - 1)}"))
    if choices.integer(0, 2) == 0:
        device, at = f"printer-{choices.integer(0, lans - 1)}", choices.number(1.0, _SAFETY)
        binds = choices.boolean()
        done.append(
            Pin(at=at, machine=index, name=device)
            if binds
            else Petname(at=at, machine=index, petname=device, name="lan-0")
        )
    if size > 1 and choices.integer(0, 3) == 0:
        heir, at = (index + choices.integer(1, size - 1)) % size, choices.number(20.0, 50.0)
        name = f"lan-{index}"
        done.append(Transfer(at=at, machine=index, name=name, to=heir))
        done.append(Register(at=at + choices.number(12.0, 20.0), machine=heir, name=name))
        done.append(Expose(at=at + 21.0, machine=heir, port=HTTPS, name=name))
    return done


def _leaves(size: int) -> list[Fault]:
    """All leave their LANs before the heal: whoever is behind a router is dialled by nobody: there are no relays."""
    return [Move(at=_SAFETY - 8.0, machine=index) for index in range(1, size)]


def _troubles(choices: SeededChoices, size: int, lans: int) -> list[Fault]:
    """What befalls machines and their actors, and a move to another LAN."""
    kinds = (crash, kill, partial(leave, most=20.0), _actor)
    found = swarm(choices, kinds, size, _SAFETY, count=size // 3)
    if size > 1 and choices.boolean():
        behind = choices.choice((None, *range(lans)))
        found.append(Move(at=choices.number(1.0, _SAFETY - 15.0), machine=choices.integer(1, size - 1), nat=behind))
    return found


def _actor(choices: Choices, size: int, safety: float) -> Fault:
    where, path = choices.integer(0, size - 1), choices.choice(_PATHS)
    return ActorCrash(at=moment(choices, safety), machine=where, path=path, times=choices.integer(1, 3), apart=1.0)
