"""What happens to daemons, disks, keys and single actors while people are answered."""

from simulations.faults import ActorCrash, Crash, DiskBroken, DiskFull, Leave, LostKeys, Pause, Restore, Wipe
from simulations.mutants.plans.small import PAIR, TRIO, small
from simulations.operations import Expose, Fetch, Pin, Register, Release, Resolve, Unexpose
from simulations.plan import Plan


def _boots() -> Plan:
    """Names and tunnels are taken and given back, and the machine ends in the moment of each answer, or a bit later."""
    return small(
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


def _keys() -> Plan:
    """Disks are lost with and without their keys, and old backups come back."""
    return small(
        "keys",
        TRIO,
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


def _disks() -> Plan:
    """Disks refuse, for an error or for want of room, while names and tunnels are asked for."""
    return small(
        "disks",
        PAIR,
        (
            Register(at=0.0, machine=0, name="one"),
            Release(at=3.0, machine=0, name="one"),
            Register(at=3.5, machine=0, name="two"),
            Expose(at=3.5, machine=0, port=9000),
            Pin(at=11.0, machine=1, name="one"),
            Register(at=11.5, machine=1, name="three"),
            Release(at=20.0, machine=0, name="one"),
            Register(at=20.0, machine=0, name="four"),
        ),
        (
            DiskBroken(at=2.0, machine=0, seconds=6.0),
            DiskFull(at=10.0, machine=1, seconds=6.0),
            DiskBroken(at=25.0, machine=1, seconds=3.0),
            ActorCrash(at=26.0, machine=1, path="core/store"),  # which can't start again
        ),
        safety=30.0,
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
    many = range(5)
    return small(
        "actors",
        PAIR,
        (
            Register(at=0.0, machine=0, name="one"),
            Expose(at=0.5, machine=0, port=9000, name="one"),
            *(Expose(at=0.5, machine=0, port=9001 + turn) for turn in many),
            *(Register(at=2.0 + 2 * turn, machine=0, name=f"turn-{turn}") for turn in range(len(paths))),
            *(
                Fetch(at=2.0 + 2 * turn, machine=1, of=0, port=9000, name="one", up=100, down=100)
                for turn in range(len(paths))
            ),
            Register(at=36.0, machine=0, name="late"),
            *(Resolve(at=36.0 + turn / 2000, machine=0, name="one") for turn in range(10)),
            *(Release(at=35.0, machine=0, name=f"turn-{turn}") for turn in many),
            Register(at=40.0, machine=0, name="last"),
            Resolve(at=46.5, machine=0, name="nobody"),
        ),
        (
            *(ActorCrash(at=36.0 + late, machine=0, path=f"{services}/registry") for late in (0.001, 0.003)),
            *(ActorCrash(at=2.0 + 2 * turn, machine=0, path=path) for turn, path in enumerate(paths)),
            *(ActorCrash(at=3.0 + 2 * turn, machine=0, path=path) for turn, path in enumerate(paths)),
            ActorCrash(at=24.0, machine=0, path=f"{services}/tunnels/offered/*"),  # more than one may crash
            ActorCrash(at=26.0, machine=1, path=f"{services}/network/peers"),
            *(ActorCrash(at=30.0 + 5 * turn, machine=0, path=path) for turn, path in enumerate(later)),
            Pause(at=46.0, machine=1, seconds=3.0),
            ActorCrash(at=47.0, machine=0, path=f"{services}/lookups/*"),
        ),
        safety=52.0,
    )


def _loop() -> Plan:
    """One actor crashes again and again, more often than its supervisor bears: by far at one machine, just so there."""
    return small(
        "loop",
        PAIR,
        (Register(at=0.0, machine=0, name="one"),),
        (
            ActorCrash(at=2.0, machine=0, path="core/services/registry", times=16, apart=0.2),
            ActorCrash(at=2.0, machine=1, path="core/services/registry", times=11, apart=0.2),
        ),
        safety=10.0,
    )


PLANS = (_boots(), _keys(), _disks(), _actors(), _loop())
