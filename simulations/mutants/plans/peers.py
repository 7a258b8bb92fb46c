"""Peers that fall silent, dial each other at once, are away for long, and move."""

from simulations.faults import Crash, Move, Split
from simulations.mutants.plans.small import PAIR, TRIO, small
from simulations.operations import Expose, Fetch, Register
from simulations.plan import Plan


def _silence() -> Plan:
    """Machines lose their power without a word, and ways between them are cut; all come back and are used."""
    return small(
        "silence",
        TRIO,
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


def _twice() -> Plan:
    """Two machines that know each other lose their session, and both dial at once."""
    both = [Fetch(at=at, machine=one, of=1 - one, port=9000, up=100, down=100) for at in (2.0, 92.0) for one in (0, 1)]
    return small(
        "twice",
        PAIR,
        (Expose(at=0.0, machine=0, port=9000), Expose(at=0.0, machine=1, port=9000), *both),
        (Split(at=4.0, groups=((0,), (1,)), seconds=80.0),),
        safety=110.0,
    )


def _moves() -> Plan:
    """A machine goes to another network, and is visited there by one that never met it."""
    return small(
        "moves",
        TRIO,
        (
            Register(at=0.0, machine=1, name="one"),
            Expose(at=1.0, machine=1, port=9000, name="one"),
            Fetch(at=60.0, machine=2, of=1, port=9000, name="one", up=100, down=100),
        ),
        (Move(at=3.0, machine=1),),
        safety=62.0,
    )


PLANS = (_silence(), _twice(), _moves())
