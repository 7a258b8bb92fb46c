"""The faults of a plan, by what they happen to; a new one is a class and a row in `KINDS`."""

from typing import TYPE_CHECKING

import trio

from simulations.faults.actors import PATHS, ActorCrash, AnyActorCrash, CrashLoop, PlannedCrash
from simulations.faults.attacks import Attack
from simulations.faults.base import Fault, MachineFault, Moot
from simulations.faults.disks import DiskBroken, DiskFull
from simulations.faults.links import Clog, Cut, Degrade, Flap, Move, Rebind, Split, Weather
from simulations.faults.machines import (
    ClockStep,
    Crash,
    Kill,
    Leave,
    LostKeys,
    Pause,
    Restore,
    Slow,
    Storm,
    Wipe,
)

if TYPE_CHECKING:
    from simulations.stage import Stage

KINDS: tuple[type[Fault], ...] = (
    Crash, Kill, Leave, Storm, Wipe, Restore, LostKeys, Pause, Slow,
    ActorCrash, AnyActorCrash, CrashLoop,
    Split, Cut, Flap, Degrade, Clog, Weather, Rebind, Move,
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
    # What is not about single machines concerns all.
    everybody = tuple(range(len(stage.places)))
    concerned = everybody if isinstance(fault, Split | Weather | Rebind) else fault.machines()
    if fault.disturbs:
        stage.calm.fault(*concerned)
    try:
        await fault.strike(stage)
    except Moot:
        stage.count("faults", f"{kind}: moot")
    if fault.disturbs:
        stage.calm.fault(*concerned)


__all__ = [
    "KINDS", "PATHS", "ActorCrash", "AnyActorCrash", "Attack", "ClockStep", "Clog", "Crash", "CrashLoop", "Cut",
    "Degrade", "DiskBroken", "DiskFull", "Fault", "Flap", "Kill", "Leave", "LostKeys", "MachineFault", "Moot", "Move",
    "Pause", "PlannedCrash", "Rebind", "Restore", "Slow", "Split", "Storm", "Weather", "Wipe", "inflict",
]  # fmt: skip
