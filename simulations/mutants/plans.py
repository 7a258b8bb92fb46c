"""The small plans by which the simulator finds the mutants: two to four machines, and a few things that happen.

Each is run without a mutant, too, and must pass then. They are values like every plan, and can be replayed.
"""

from collections.abc import Sequence
from typing import Final

import attrs

from simulations.faults import (
    ActorCrash,
    Attack,
    ClockStep,
    Crash,
    DiskBroken,
    DiskFull,
    Fault,
    Kill,
    Leave,
    LostKeys,
    Move,
    Restore,
    Split,
    Wipe,
)
from simulations.operations import Expose, Fetch, Operation, Pin, Register, Release, Resolve, Unexpose
from simulations.plan import Bounds, MachinePlan, Plan

_BOUNDS = Bounds(converge=70.0)


def _plan(
    name: str,
    bootstraps: Sequence[tuple[int, ...]],
    operations: Sequence[Operation],
    faults: Sequence[Fault] = (),
    *,
    safety: float,
    settle: float = 4.0,
    bounds: Bounds = _BOUNDS,
    seed: int = 1,
) -> Plan:
    return Plan(
        scenario=f"mutant-{name}",
        seed=seed,
        machines=tuple(MachinePlan(bootstrap=known) for known in bootstraps),
        settle=settle,
        safety=safety,
        bounds=bounds,
        operations=tuple(sorted(operations, key=lambda one: one.at)),
        faults=tuple(faults),
    )


LINE: Final = ((), (0,), (1,))
"""m0 and m2 know each other through m1 alone."""
STAR: Final = ((), (0,), (0,), (0,))
PAIR: Final = ((), (0,))


def _spread() -> Plan:
    """A name goes along a line of machines, is used, and is given up."""
    return _plan(
        "spread",
        LINE,
        (
            Register(at=0.0, machine=0, name="one"),
            Expose(at=1.0, machine=0, port=9000, name="one"),
            Resolve(at=2.0, machine=1, name="one"),
            Resolve(at=3.0, machine=2, name="one"),
            Fetch(at=4.0, machine=2, of=0, port=9000, name="one", up=2000, down=3000),
            Register(at=5.0, machine=2, name="two"),
            Release(at=7.0, machine=2, name="two"),
            Resolve(at=9.0, machine=0, name="two"),
        ),
        safety=10.0,
    )


def _split() -> Plan:
    """Names are claimed, given up and claimed by two on both sides of a split."""
    return _plan(
        "split",
        STAR,
        (
            Register(at=0.0, machine=0, name="old"),
            Register(at=0.5, machine=2, name="kept"),
            Release(at=14.0, machine=0, name="old"),
            Register(at=15.0, machine=0, name="both"),
            Register(at=15.0, machine=2, name="both"),
            Register(at=16.0, machine=3, name="new"),
            Resolve(at=17.0, machine=1, name="both"),
        ),
        (Split(at=2.0, groups=((0, 1), (2, 3)), seconds=30.0),),
        safety=34.0,
    )


def _boots() -> Plan:
    """Names and tunnels are taken and given back, and the machine ends in the moment of each answer, or a bit later."""
    return _plan(
        "boots",
        PAIR,
        (
            Register(at=0.0, machine=0, name="one", then="crash"),
            Register(at=6.0, machine=0, name="two", then="kill"),
            Expose(at=12.0, machine=0, port=9000, name="one", then="crash"),
            Expose(at=14.0, machine=0, port=9001),
            Pin(at=16.0, machine=1, name="two", then="crash"),
            Unexpose(at=20.0, machine=0, port=9000, name="one", then="crash"),
            Unexpose(at=24.0, machine=0, port=9001),
            Release(at=28.0, machine=0, name="two", then="crash"),
            Register(at=32.0, machine=1, name="three"),
        ),
        (Leave(at=25.0, machine=0, down=1.0), Crash(at=33.0, machine=1, down=1.0, torn=True)),
        safety=36.0,
    )


def _bulk() -> Plan:
    """Large and small exchanges cross in all ways between two machines, some of them read slowly."""
    ways = [
        {"up": 700_000, "down": 200_000, "duplex": True},
        {"up": 200_000, "down": 900_000, "duplex": False},
        {"up": 100, "down": 300_000, "duplex": False, "pace": 0.01},
        {"up": 400_000, "down": 100, "duplex": False, "pace": 0.01},
        {"up": 0, "down": 50_000, "duplex": False},
        {"up": 50_000, "down": 0, "duplex": False},
    ]
    return _plan(
        "bulk",
        PAIR,
        (
            Expose(at=0.0, machine=0, port=9000),
            Expose(at=0.0, machine=1, port=9000),
            *(Fetch(at=9.0, machine=turn % 2, of=turn % 2, port=9000, **way) for turn, way in enumerate(ways)),
            *(Fetch(at=2.0, machine=turn % 2, of=1 - turn % 2, port=9000, **way) for turn, way in enumerate(ways)),
            *(Fetch(at=8.0, machine=1 - turn % 2, of=turn % 2, port=9000, **way) for turn, way in enumerate(ways)),
        ),
        safety=20.0,
    )


def _cuts() -> Plan:
    """Long connections live while their daemons are killed, their tunnels withdrawn and their actors crashed."""
    slow = {"up": 200_000, "down": 200_000, "duplex": True, "pace": 0.5}
    return _plan(
        "cuts",
        ((), (0,), (0,)),
        (
            Register(at=0.0, machine=0, name="one"),
            Expose(at=0.5, machine=0, port=9000, name="one"),
            Expose(at=0.5, machine=0, port=9001),
            Expose(at=0.5, machine=2, port=9000),
            Fetch(at=2.0, machine=1, of=0, port=9000, name="one", **slow),
            Fetch(at=2.0, machine=1, of=0, port=9001, **slow),
            Fetch(at=2.0, machine=0, of=2, port=9000, **slow),
            Unexpose(at=5.0, machine=0, port=9000, name="one"),
        ),
        (
            ActorCrash(at=3.0, machine=0, path="core/services/tunnels/offered/*"),
            ActorCrash(at=3.5, machine=1, path="core/services/forwards/local/*"),
            Kill(at=5.0, machine=2),
            Kill(at=14.0, machine=1),
        ),
        safety=20.0,
    )


def _silence() -> Plan:
    """Machines lose their power without a word, and ways between them are cut; all come back and are used."""
    return _plan(
        "silence",
        ((), (0,), (0,)),
        (
            Register(at=0.0, machine=1, name="one"),
            Expose(at=0.5, machine=1, port=9000, name="one"),
            Fetch(at=1.0, machine=2, of=1, port=9000, name="one", up=1000, down=1000),
            Register(at=12.0, machine=2, name="two"),
            Fetch(at=70.0, machine=2, of=1, port=9000, name="one", up=1000, down=1000),
            Register(at=90.0, machine=1, name="three"),
        ),
        (Crash(at=3.0, machine=0, down=50.0), Split(at=75.0, groups=((0, 2), (1,)), seconds=20.0)),
        safety=100.0,
        seed=2,  # the machine with the lower id, which opens the exchange, is one that dials
    )


def _actors() -> Plan:
    """Actors of all rooms crash while names and tunnels are used."""
    services = "core/services"
    paths = (
        f"{services}/registry",
        f"{services}/names",
        f"{services}/spread",
        f"{services}/lookups",
        f"{services}/network/manager",
        f"{services}/network/peers/*",
        f"{services}/network/listeners",
        f"{services}/tunnels/catalogue",
        f"{services}/tunnels/acceptor",
        f"{services}/forwards/list",
    )
    later = ("core/pump", "core/store")
    return _plan(
        "actors",
        PAIR,
        (
            Register(at=0.0, machine=0, name="one"),
            Expose(at=0.5, machine=0, port=9000, name="one"),
            *(Register(at=2.0 + 2 * turn, machine=0, name=f"turn-{turn}") for turn in range(len(paths))),
            *(
                Fetch(at=2.0 + 2 * turn, machine=1, of=0, port=9000, name="one", up=100, down=100)
                for turn in range(len(paths))
            ),
            Register(at=36.0, machine=0, name="late"),
            Register(at=40.0, machine=0, name="last"),
        ),
        (
            *(ActorCrash(at=36.0 + late, machine=0, path=f"{services}/registry") for late in (0.001, 0.003)),
            *(ActorCrash(at=2.0 + 2 * turn, machine=0, path=path) for turn, path in enumerate(paths)),
            *(ActorCrash(at=3.0 + 2 * turn, machine=0, path=path) for turn, path in enumerate(paths)),
            *(ActorCrash(at=30.0 + 5 * turn, machine=0, path=path) for turn, path in enumerate(later)),
        ),
        safety=44.0,
    )


def _twice() -> Plan:
    """Two machines that know each other lose their session, and both dial at once."""
    both = [Fetch(at=at, machine=one, of=1 - one, port=9000, up=100, down=100) for at in (2.0, 92.0) for one in (0, 1)]
    return _plan(
        "twice",
        PAIR,
        (Expose(at=0.0, machine=0, port=9000), Expose(at=0.0, machine=1, port=9000), *both),
        (Split(at=4.0, groups=((0,), (1,)), seconds=80.0),),
        safety=110.0,
    )


def _loop() -> Plan:
    """One actor crashes again and again, more often than its supervisor bears."""
    return _plan(
        "loop",
        PAIR,
        (Register(at=0.0, machine=0, name="one"),),
        (ActorCrash(at=2.0, machine=0, path="core/services/registry", times=16, apart=0.2),),
        safety=10.0,
    )


def _hours() -> Plan:
    """A name is given up while a machine that knows it is away for some hours."""
    return _plan(
        "hours",
        ((), (0,), (0,)),
        (
            Register(at=0.0, machine=0, name="one"),
            Register(at=0.0, machine=1, name="two"),
            Release(at=20.0, machine=0, name="one"),
        ),
        (Leave(at=10.0, machine=2, down=9000.0),),
        safety=9100.0,
    )


def _keys() -> Plan:
    """Disks are lost with and without their keys, and old backups come back."""
    return _plan(
        "keys",
        ((), (0,), (0,)),
        (
            Register(at=0.0, machine=1, name="one"),
            Register(at=0.0, machine=2, name="two"),
            Register(at=5.0, machine=2, name="three"),
            Release(at=6.0, machine=2, name="two"),
            Register(at=14.0, machine=1, name="four"),
            Register(at=14.0, machine=2, name="five"),
        ),
        (
            Wipe(at=8.0, machine=1),
            Restore(at=8.0, machine=2, saved=2.0),
            LostKeys(at=9.0, machine=0),
            LostKeys(at=12.0, machine=0, foreign=1),
        ),
        safety=18.0,
    )


def _rivals() -> Plan:
    """An owner whose disk was put back signs a number again while nobody can tell it; the others restart with both."""
    return _plan(
        "rivals",
        ((), (0,), (0,)),
        (
            Register(at=5.0, machine=2, name="one"),
            Register(at=14.0, machine=2, name="one"),
            Register(at=40.0, machine=1, name="two"),
        ),
        (
            Split(at=7.0, groups=((0, 1), (2,)), seconds=15.0),
            Restore(at=8.0, machine=2, saved=2.0),
            Split(at=48.0, groups=((0,), (1, 2)), seconds=8.0),  # what it lost, nobody gives back to it at once
            Kill(at=50.0, machine=0),
        ),
        safety=58.0,
    )


def _clocks() -> Plan:
    """A machine whose clock is ahead claims a name; another one's clock jumps by a month and sees all claims end."""
    plan = _plan(
        "clocks",
        ((), (0,), (0,)),
        (
            Register(at=0.0, machine=0, name="one"),
            Register(at=0.0, machine=2, name="two"),
            Resolve(at=4.0, machine=1, name="one"),
            Resolve(at=12.0, machine=1, name="one"),
            Resolve(at=15.0, machine=1, name="one"),
        ),
        (ClockStep(at=10.0, machine=1, by=30.5 * 86_400, seconds=20.0),),
        safety=34.0,
    )
    machines = (*plan.machines[:2], attrs.evolve(plan.machines[2], offset=3600.0))
    return attrs.evolve(plan, machines=machines)


def _pins() -> Plan:
    """A pinned name is given up by its owner and claimed by another one."""
    return _plan(
        "pins",
        ((), (0,), (0,)),
        (
            Register(at=0.0, machine=0, name="one"),
            Pin(at=3.0, machine=1, name="one"),
            Release(at=6.0, machine=0, name="one"),
            Resolve(at=9.0, machine=1, name="one"),
            Register(at=10.0, machine=2, name="one"),
            Resolve(at=14.0, machine=1, name="one"),
        ),
        safety=16.0,
    )


def _doors() -> Plan:
    """Tunnels with rules and without are visited by those who may come in and by others, while they stand and later."""
    fetches = (
        (1, None, 9000), (2, None, 9000), (1, "one", 9001), (2, "one", 9001), (1, "two", 9001), (2, "two", 9002),
        (1, "two", 9002), (0, None, 9000),
    )  # fmt: skip
    rounds = (4.0, 12.0, 20.0, 22.0)
    return _plan(
        "doors",
        ((), (0,), (0,)),
        (
            Register(at=0.0, machine=0, name="one"),
            Register(at=0.0, machine=0, name="two"),
            Expose(at=1.0, machine=0, port=9000, allow=(1,)),
            Expose(at=1.0, machine=0, port=9001, name="one"),
            Expose(at=1.0, machine=0, port=9002, name="two", allow=(2,)),
            *(
                Fetch(at=at, machine=visitor, of=0, name=name, port=port, up=1000, down=1000)
                for at in rounds
                for visitor, name, port in fetches
            ),
            Fetch(at=8.0, machine=2, of=0, name="one", port=9001, up=100_000, down=100_000, duplex=True, pace=1.0),
            Unexpose(at=10.0, machine=0, port=9001, name="one"),
            Unexpose(at=11.0, machine=0, port=9000),
        ),
        (Leave(at=14.0, machine=0, down=1.0),),
        safety=26.0,
    )


def _moves() -> Plan:
    """A machine goes to another network, and is visited there by one that never met it."""
    return _plan(
        "moves",
        ((), (0,), (0,)),
        (
            Register(at=0.0, machine=1, name="one"),
            Expose(at=1.0, machine=1, port=9000, name="one"),
            Fetch(at=60.0, machine=2, of=1, port=9000, name="one", up=100, down=100),
        ),
        (Move(at=3.0, machine=1),),
        safety=62.0,
    )


def _disks() -> Plan:
    """Disks refuse, for an error or for want of room, while names and tunnels are asked for."""
    return _plan(
        "disks",
        PAIR,
        (
            Register(at=0.0, machine=0, name="one"),
            Register(at=3.0, machine=0, name="two"),
            Expose(at=3.5, machine=0, port=9000),
            Register(at=3.0, machine=1, name="three"),
            Release(at=4.0, machine=0, name="one"),
            Register(at=20.0, machine=0, name="four"),
        ),
        (DiskBroken(at=2.0, machine=0, seconds=6.0), DiskFull(at=2.0, machine=1, seconds=6.0)),
        safety=30.0,
    )


def _months() -> Plan:
    """The clock of a machine jumps by eleven days, so that its names are to be claimed anew."""
    return _plan(
        "months",
        PAIR,
        (
            Register(at=0.0, machine=0, name="one"),
            Register(at=12.0, machine=1, name="one"),
            Resolve(at=15.0, machine=1, name="one"),
        ),
        (ClockStep(at=20.0, machine=0, by=11 * 86_400.0, seconds=140.0),),
        safety=165.0,
    )


def _liars() -> Plan:
    """Strangers push forged claims, claims from the past and the future, too many, and two of one number."""
    kinds = ("forger", "hoarder", "equivocator", "prophet", "revenant", "suicide", "undertaker", "lazarus")
    return _plan(
        "liars",
        PAIR,
        (Register(at=0.0, machine=0, name="one"), Register(at=3.0, machine=1, name="two")),
        (*(Attack(at=1.0, kind=kind) for kind in kinds), Kill(at=30.0, machine=0)),
        safety=40.0,
        bounds=Bounds(converge=180.0),
    )


def _intruders() -> Plan:
    """Strangers try every door, pretend to be others, tell wrong places, and open more than they may."""
    kinds = (
        "burglar",
        "impostor",
        "gossip",
        "idler",
        "sloth",
        "handshaker",
        "babbler",
        "corpse",
        "zombie",
        "mask",
        "legion",
    )
    return _plan(
        "intruders",
        PAIR,
        (
            Register(at=0.0, machine=0, name="one"),
            Expose(at=1.0, machine=0, port=9000, name="one", allow=(1,)),
            Fetch(at=10.0, machine=1, of=0, port=9000, name="one"),
        ),
        tuple(Attack(at=2.0, kind=kind, introduced=(0, 1) if kind == "impostor" else ()) for kind in kinds),
        safety=30.0,
        bounds=Bounds(converge=180.0),
    )


def _away() -> Plan:
    """A machine is away for long, so that all dials to it back off as far as they may."""
    return _plan(
        "away",
        ((), (0,), (0,)),
        (Register(at=0.0, machine=0, name="one"), Register(at=100.0, machine=1, name="two")),
        (Split(at=2.0, groups=((0,), (1, 2)), seconds=900.0),),
        safety=600.0,
    )


PLANS: Final[dict[str, Plan]] = {
    plan.scenario.removeprefix("mutant-"): plan
    for plan in (
        _spread(),
        _split(),
        _boots(),
        _bulk(),
        _cuts(),
        _silence(),
        _actors(),
        _twice(),
        _loop(),
        _hours(),
        _keys(),
        _away(),
        _moves(),
        _disks(),
        _months(),
        _liars(),
        _intruders(),
        _rivals(),
        _clocks(),
        _pins(),
        _doors(),
    )
}
"""By name."""
