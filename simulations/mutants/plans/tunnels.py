"""Bytes through tunnels: all ways at once, while their daemons end, and by those who may come in and by others."""

from simulations.faults import ActorCrash, Kill, Leave, Pause, Weather
from simulations.mutants.plans.small import PAIR, TRIO, small
from simulations.operations import Expose, Fetch, Register, Unexpose
from simulations.plan import Plan


def _bulk() -> Plan:
    """Large and small exchanges cross in all ways between two machines, some of them read slowly."""
    ways = [
        {"up": 700_000, "down": 200_000, "duplex": True},
        {"up": 200_000, "down": 900_000, "duplex": False},
        {"up": 100, "down": 300_000, "duplex": False, "read_pace": 0.01},
        {"up": 400_000, "down": 100, "duplex": False, "read_pace": 0.01},
        {"up": 0, "down": 50_000, "duplex": False},
        {"up": 50_000, "down": 0, "duplex": False},
    ]
    return small(
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
    return small(
        "cuts",
        TRIO,
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


def _doors() -> Plan:
    """Tunnels with rules and without are visited by those who may come in and by others, while they stand and later."""
    fetches = (
        (1, None, 9000), (2, None, 9000), (1, "one", 9001), (2, "one", 9001), (1, "two", 9001), (2, "two", 9002),
        (1, "two", 9002), (0, None, 9000), (1, None, 9003), (2, "two", 9003),
    )  # fmt: skip
    rounds = (4.0, 12.0, 20.0, 22.0)
    return small(
        "doors",
        TRIO,
        (
            Register(at=0.0, machine=0, name="one"),
            Register(at=0.0, machine=0, name="two"),
            Expose(at=1.0, machine=0, port=9000, allow=(1,)),
            Expose(at=1.0, machine=0, port=9001, name="one"),
            Expose(at=1.0, machine=0, port=9002, name="two", allow=(2,)),
            Expose(at=1.0, machine=0, port=9003, name="one"),
            Expose(at=1.0, machine=0, port=9003, name="two"),
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


def _crowd() -> Plan:
    """More connections at one time than streams may be in negotiation: all of them slow, through one session."""
    return small(
        "crowd",
        PAIR,
        (
            Expose(at=0.0, machine=0, port=9000),
            *(
                Fetch(at=6.0 + turn * 0.01, machine=1, of=0, port=9000, up=100, down=100, pace=4.0)
                for turn in range(300)
            ),
        ),
        safety=24.0,
    )


def _far() -> Plan:
    """Much goes over a long way, so that windows grow; one end is stopped for a moment, and then has all of it at once."""
    return small(
        "far",
        PAIR,
        (
            Expose(at=0.0, machine=0, port=9000),
            Fetch(at=8.0, machine=1, of=0, port=9000, up=100, down=2_000_000),
            Fetch(at=8.0, machine=1, of=0, port=9000, up=2_000_000, down=100),
        ),
        (
            Weather(at=1.0, seconds=30.0, latency=0.05, jitter=0.0, loss=0.0),
            Pause(at=8.25, machine=1, seconds=2.0),
        ),
        safety=32.0,
    )


PLANS = (_bulk(), _cuts(), _doors(), _crowd(), _far())
