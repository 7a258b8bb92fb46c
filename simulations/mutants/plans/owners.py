"""What owners do by the recovery phrase, with a copy of a key at large."""

import attrs

from simulations.faults import Attack, Kill
from simulations.mutants.plans.small import STAR, TRIO, small
from simulations.operations import Petname, Pin, Register, Release, Resolve
from simulations.owner_operations import Revoke, Rotate, Transfer
from simulations.plan import Bounds, Plan

_BOUNDS = Bounds(converge=120.0)


def _copied() -> Plan:
    """An owner rotates twice; who copied the key between the two hands the pinned name over to itself."""
    plan = small(
        "copied",
        STAR,
        (
            Register(at=0.0, machine=1, name="one"),
            Pin(at=3.0, machine=2, name="one"),
            Petname(at=3.0, machine=3, petname="dear", name="one"),
            Rotate(at=5.0, machine=1),
            Rotate(at=32.0, machine=1),
            Resolve(at=40.0, machine=2, name="one"),
            Resolve(at=40.0, machine=3, name="dear"),
        ),
        (Attack(at=25.0, kind="copyist", victims=(1, 0, 2, 3)),),
        safety=45.0,
        bounds=_BOUNDS,
    )
    return attrs.evolve(plan, settle_after=15.0)


def _heirs() -> Plan:
    """A pinned name that has a petname, too, is handed over; another one is given up and claimed by somebody else."""
    return small(
        "heirs",
        STAR,
        (
            Register(at=0.0, machine=1, name="one"),
            Register(at=0.0, machine=1, name="two"),
            Pin(at=3.0, machine=2, name="one"),
            Petname(at=3.0, machine=3, petname="dear", name="one"),
            Petname(at=3.0, machine=2, petname="gone", name="two"),
            Release(at=5.0, machine=1, name="two"),
            Register(at=8.0, machine=3, name="two"),
            Resolve(at=10.0, machine=2, name="gone"),
            Transfer(at=11.0, machine=1, name="one", to=0),
            Register(at=26.0, machine=0, name="one"),
            Resolve(at=30.0, machine=2, name="one"),
        ),
        (Kill(at=32.0, machine=2),),
        safety=36.0,
        bounds=_BOUNDS,
    )


def _nothing() -> Plan:
    """An owner who holds nothing any more rotates; who copied the key before goes on with it."""
    return small(
        "nothing",
        TRIO,
        (
            Register(at=0.0, machine=1, name="one"),
            Release(at=3.0, machine=1, name="one"),
            Rotate(at=8.0, machine=1),
        ),
        (Attack(at=5.0, kind="copyist", victims=(1, 0, 2)),),
        safety=30.0,
        bounds=_BOUNDS,
    )


def _revoked() -> Plan:
    """An owner is revoked by another machine, which then restarts."""
    return small(
        "revoked",
        TRIO,
        (
            Register(at=0.0, machine=1, name="one"),
            Pin(at=3.0, machine=2, name="one"),
            Revoke(at=5.0, machine=2, of=1),
            Resolve(at=8.0, machine=0, name="one"),
            Register(at=9.0, machine=1, name="two"),
        ),
        (Kill(at=12.0, machine=2),),
        safety=18.0,
        bounds=_BOUNDS,
    )


PLANS = (_copied(), _heirs(), _nothing(), _revoked())
