"""Browsers and pages, and a LAN with devices."""

import attrs

from simulations.browsing import HTTPS, Way
from simulations.mutants.plans.small import STAR, small
from simulations.operations import Expose, Pin, Register
from simulations.plan import DevicePlan, NatPlan, Plan
from simulations.web_operations import Locate, Visit


def _pages() -> Plan:
    """Other sites' pages load one name's, in all ways, and a person opens another one's."""
    ways = tuple(way for way in Way if way is not Way.TYPED)
    return small(
        "pages",
        STAR,
        (
            Register(at=0.0, machine=1, name="one"),
            Register(at=0.0, machine=1, name="two"),
            Expose(at=1.0, machine=1, port=HTTPS, name="one"),
            Expose(at=1.0, machine=1, port=HTTPS, name="two"),
            *(Visit(at=4.0 + number, machine=2, name="one", way=way) for number, way in enumerate(ways)),
            Visit(at=11.0, machine=2, name="two"),
        ),
        safety=14.0,
    )


def _lan() -> Plan:
    """The names of two devices are claimed; somebody on the LAN pinned one."""
    plan = small(
        "lan",
        STAR,
        (
            Register(at=0.0, machine=0, name="printer"),
            Register(at=0.0, machine=0, name="camera"),
            Pin(at=3.0, machine=2, name="camera"),
            *(Locate(at=5.0, machine=machine, name=name) for machine in (2, 3) for name in ("printer", "camera")),
        ),
        safety=8.0,
    )
    behind = tuple(attrs.evolve(machine, nat=0 if index == 2 else None) for index, machine in enumerate(plan.machines))
    devices = tuple(DevicePlan(name=name, nat=0) for name in ("printer", "camera"))
    return attrs.evolve(plan, machines=behind, nats=(NatPlan(),), devices=devices)


PLANS = (_pages(), _lan())
