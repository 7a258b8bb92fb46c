"""The faults of a plan, by what they happen to; a new one is a class and a row in `KINDS`."""

from typing import TYPE_CHECKING

import trio

from simulations.faults.attacks import Attack
from simulations.faults.base import Fault, MachineFault, Moot
from simulations.faults.disks import ClockStep, DiskBroken, DiskFull
from simulations.faults.links import Cut, Flap, Split
from simulations.faults.machines import (
    ActorCrash,
    Crash,
    Kill,
    Leave,
    Pause,
    Restore,
    Slow,
    Storm,
    Wipe,
)

if TYPE_CHECKING:
    from simulations.stage import Stage

KINDS: tuple[type[Fault], ...] = (
    Crash, Kill, Leave, Storm, Wipe, Restore, Pause, Slow, ActorCrash,
    Split, Cut, Flap,
    ClockStep, DiskFull, DiskBroken,
    Attack,
)  # fmt: skip


async def inflict(fault: Fault, stage: "Stage") -> None:
    """Wait for its time and let it happen."""
    if isinstance(fault, Restore):
        await fault.prepare(stage)
    await trio.sleep_until(stage.begin + fault.at)
    if stage.healed.is_set():
        return
    kind = type(fault).__name__.lower()
    stage.count("faults", kind)
    stage.world.trace.add("fault", kind, *fault.machines())
    # A split also concerns the machines that it does not name.
    concerned = tuple(range(len(stage.places))) if isinstance(fault, Split) else fault.machines()
    if fault.disturbs:
        stage.calm.fault(*concerned)
    try:
        await fault.strike(stage)
    except Moot:
        stage.count("faults", f"{kind}: moot")
    if fault.disturbs:
        stage.calm.fault(*concerned)


__all__ = [
    "KINDS", "ActorCrash", "Attack", "ClockStep", "Crash", "Cut", "DiskBroken", "DiskFull", "Fault", "Flap",
    "Kill", "Leave", "MachineFault", "Moot", "Pause", "Restore", "Slow", "Split", "Storm", "Wipe", "inflict",
]  # fmt: skip
