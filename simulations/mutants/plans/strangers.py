"""Hostile nodes."""

import attrs

from simulations.faults import Attack, Kill, Split
from simulations.mutants.plans.small import PAIR, small
from simulations.operations import Expose, Fetch, Register
from simulations.plan import Bounds, Plan


def _liars() -> Plan:
    """Strangers push forged claims, claims from the past and the future, too many, and two of one number."""
    kinds = (
        "forger",
        "hoarder",
        "equivocator",
        "prophet",
        "revenant",
        "suicide",
        "undertaker",
        "lazarus",
        "pickpocket",
    )
    return small(
        "liars",
        PAIR,
        (Register(at=0.0, machine=0, name="one"), Register(at=3.0, machine=1, name="two")),
        (*(Attack(at=1.0, kind=kind) for kind in kinds), Kill(at=30.0, machine=0)),
        safety=40.0,
        bounds=Bounds(converge=180.0),
    )


def _worked() -> Plan:
    """A network that asks for work, and strangers who have done none."""
    plan = small(
        "worked",
        PAIR,
        (Register(at=0.0, machine=0, name="one"), Register(at=3.0, machine=1, name="two")),
        tuple(Attack(at=1.0, kind=kind) for kind in ("hoarder", "equivocator", "undertaker")),
        safety=20.0,
        bounds=Bounds(converge=180.0),
    )
    return attrs.evolve(plan, work=2)


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
    return small(
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


def _crowded() -> Plan:
    """A stranger claims a name in use for many owners, and tells two machines that are apart of them in other orders."""
    plan = small(
        "crowded",
        PAIR,
        (Register(at=0.0, machine=0, name="one"),),
        (Split(at=14.0, groups=((0,), (1,)), seconds=20.0), Attack(at=15.0, kind="mob")),
        safety=40.0,
        bounds=Bounds(converge=180.0),
    )
    return attrs.evolve(plan, settle_after=8.0)


PLANS = (_liars(), _worked(), _intruders(), _crowded())
