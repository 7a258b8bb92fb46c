"""An owner at two machines by one recovery phrase."""

from simulations.faults import Crash
from simulations.mutants.plans.small import TRIO, small
from simulations.operations import Expose, Register, Release
from simulations.owner_operations import Recover
from simulations.plan import Bounds, Plan

_BOUNDS = Bounds(converge=60.0, tunnels=20.0)


def _seats() -> Plan:
    """Both machines hold two names. Only the second offers something under one; the first gives the other one up."""
    return small(
        "seats",
        TRIO,
        (
            Register(at=0.0, machine=1, name="one"),
            Recover(at=2.0, machine=2, of=1),
            Register(at=6.0, machine=2, name="one"),
            Expose(at=7.0, machine=2, port=9000, name="one"),
            Register(at=8.0, machine=1, name="two"),
            Register(at=10.0, machine=2, name="two"),
            Release(at=17.0, machine=1, name="two"),
        ),
        safety=20.0,
        bounds=_BOUNDS,
    )


def _power() -> Plan:
    """Both machines hold a name; the second loses its power."""
    return small(
        "power",
        TRIO,
        (
            Register(at=0.0, machine=1, name="one"),
            Recover(at=2.0, machine=2, of=1),
            Register(at=6.0, machine=2, name="one"),
        ),
        (Crash(at=13.0, machine=2, down=1.0),),
        safety=16.0,
        bounds=_BOUNDS,
    )


PLANS = (_seats(), _power())
