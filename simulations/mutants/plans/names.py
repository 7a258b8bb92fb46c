"""Names that are claimed, spread, used, given up, pinned, contested, renewed and forgotten."""

import attrs

from simulations.faults import ClockStep, Kill, Leave, Restore, Split
from simulations.mutants.plans.small import LINE, PAIR, STAR, TRIO, small
from simulations.operations import Expose, Fetch, Pin, Register, Release, Resolve
from simulations.plan import Plan


def _spread() -> Plan:
    """A name goes along a line of machines, is used, and is given up."""
    return small(
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
    return small(
        "split",
        STAR,
        (
            Register(at=0.0, machine=0, name="old"),
            Register(at=0.5, machine=2, name="kept"),
            Register(at=0.5, machine=2, name="gone"),
            Release(at=14.0, machine=0, name="old"),
            Release(at=14.5, machine=2, name="gone"),
            Register(at=15.0, machine=0, name="both"),
            Register(at=15.0, machine=2, name="both"),
            Register(at=16.0, machine=3, name="new"),
            Resolve(at=17.0, machine=1, name="both"),
        ),
        (Split(at=2.0, groups=((0, 1), (2, 3)), seconds=30.0),),
        safety=34.0,
    )


def _pins() -> Plan:
    """A pinned name is given up by its owner and claimed by another one."""
    return small(
        "pins",
        TRIO,
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


def _clocks() -> Plan:
    """Machines whose clocks are ahead, by much and by little, claim names; another one's jumps by a month."""
    plan = small(
        "clocks",
        STAR,
        (
            Register(at=0.0, machine=0, name="one"),
            Register(at=0.0, machine=2, name="two"),
            Register(at=0.0, machine=3, name="three"),
            Resolve(at=4.0, machine=1, name="one"),
            Resolve(at=12.0, machine=1, name="one"),
            Resolve(at=15.0, machine=1, name="one"),
        ),
        (ClockStep(at=10.0, machine=1, by=30.5 * 86_400, seconds=20.0),),
        safety=34.0,
    )
    ahead = {2: 3600.0, 3: 630.0}  # for good, and for so long that the others wait for half a minute
    machines = tuple(attrs.evolve(machine, offset=ahead.get(index, 0.0)) for index, machine in enumerate(plan.machines))
    return attrs.evolve(plan, machines=machines)


def _months() -> Plan:
    """The clock of a machine jumps by eleven days, so that its names are to be claimed anew."""
    return small(
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


def _hours() -> Plan:
    """A name is given up while a machine that knows it is away for an hour."""
    return small(
        "hours",
        TRIO,
        (
            Register(at=0.0, machine=0, name="one"),
            Register(at=0.0, machine=1, name="two"),
            Release(at=20.0, machine=0, name="one"),
        ),
        (Leave(at=10.0, machine=2, down=3650.0),),
        safety=3700.0,
    )


def _rivals() -> Plan:
    """An owner whose disk was put back signs a number again while nobody can tell it; the others restart with both."""
    return small(
        "rivals",
        TRIO,
        (
            Register(at=5.0, machine=2, name="one"),
            Register(at=14.0, machine=2, name="one"),
            Register(at=40.0, machine=1, name="two"),
        ),
        (
            Split(at=7.0, groups=((0, 1), (2,)), seconds=15.0),
            Restore(at=8.0, machine=2, saved=2.0),
            Split(at=25.0, groups=((0,), (1, 2)), seconds=8.0),  # before it is healed
            Kill(at=26.0, machine=0),
        ),
        safety=58.0,
    )


def _challenges() -> Plan:
    """One name is contested soon, another one after it was held for long; the clock of a machine jumps meanwhile."""
    plan = small(
        "challenges",
        TRIO,
        (
            Register(at=0.0, machine=0, name="old"),
            Register(at=50.0, machine=0, name="young"),
            Register(at=58.0, machine=2, name="old", contest=True),
            Register(at=60.0, machine=2, name="young", contest=True),
            Resolve(at=64.0, machine=1, name="old"),
            Resolve(at=64.0, machine=1, name="young"),
        ),
        (ClockStep(at=52.0, machine=1, by=300.0, seconds=20.0),),
        safety=80.0,
    )
    return attrs.evolve(plan, settle_after=40.0)


PLANS = (_spread(), _split(), _pins(), _clocks(), _months(), _hours(), _rivals(), _challenges())
