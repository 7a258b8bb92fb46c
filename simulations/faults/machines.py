"""What happens to a machine, its wall clock and its daemon.

Two faults that take one machine down wait for each other.
"""

from typing import TYPE_CHECKING

import attrs
import trio

from beam_actors.node.keys import DEVICE_KEY, KEYSTORE
from simulations import ranges
from simulations.faults.base import MachineFault, Moot

if TYPE_CHECKING:
    from simulations.place import Place
    from simulations.stage import Stage


_KEYS = (KEYSTORE, DEVICE_KEY)


@attrs.frozen(slots=True, kw_only=True)
class Crash(MachineFault):
    """The power fails: what was not synced is lost, or, `torn`, any part of it is there."""

    down: float = attrs.field(default=5.0, validator=ranges.SECONDS)
    torn: bool = False

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        async with stage.taking_down(self.machine) as place:
            place.crash(torn=self.torn)
            await stage.hold(self.down)
            await place.boot()


@attrs.frozen(slots=True, kw_only=True)
class Kill(MachineFault):
    """The daemon is killed (SIGKILL) and started again: the disk keeps what was written."""

    down: float = attrs.field(default=1.0, validator=ranges.SECONDS)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        async with stage.taking_down(self.machine) as place:
            await place.kill()
            await stage.hold(self.down)
            await place.boot()


@attrs.frozen(slots=True, kw_only=True)
class Leave(MachineFault):
    """The daemon is stopped in order and started again; without `back` it stays away for good."""

    down: float = attrs.field(default=10.0, validator=ranges.SECONDS)
    back: bool = True

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        async with stage.taking_down(self.machine) as place:
            await place.shutdown()
            if not self.back:
                place.gone = True
                place.person.leaves()
                return
            await stage.hold(self.down)
            await place.boot()


@attrs.frozen(slots=True, kw_only=True)
class Storm(MachineFault):
    """The daemon is killed again and again."""

    times: int = attrs.field(default=5, validator=ranges.TIMES)
    apart: float = attrs.field(default=1.0, validator=ranges.SECONDS)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        async with stage.taking_down(self.machine) as place:
            for _ in range(self.times):
                await place.kill()
                await place.boot()
                await stage.hold(self.apart)


@attrs.frozen(slots=True, kw_only=True)
class Wipe(MachineFault):
    """The machine loses its data, and its keys too unless `keys`; it comes back as who it then is."""

    down: float = attrs.field(default=2.0, validator=ranges.SECONDS)
    keys: bool = True

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        async with stage.taking_down(self.machine) as place:
            place.crash(torn=False)
            place.wipe(keys=self.keys)
            await stage.hold(self.down)
            await place.boot()


@attrs.frozen(slots=True, kw_only=True)
class Restore(MachineFault):
    """The disk is put back to what it held at `saved`, as from an old backup."""

    saved: float = attrs.field(default=0.0, validator=ranges.SECONDS)
    down: float = attrs.field(default=2.0, validator=ranges.SECONDS)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`: this one begins when the backup is made."""
        place = stage.places[self.machine]
        async with stage.taking_down(self.machine):
            place.crash(torn=False)
            place.restore()
            await stage.hold(self.down)
            await place.boot()

    async def prepare(self, stage: "Stage") -> None:
        """Make the backup."""
        await trio.sleep_until(stage.begin + min(self.saved, self.at))
        stage.places[self.machine].save()


@attrs.frozen(slots=True, kw_only=True)
class LostKeys(MachineFault):
    """The keys of the home are gone, or are another machine's, when the daemon starts; then they are put back."""

    foreign: int | None = None
    """Whose keys are there instead; None for nobody's."""

    def machines(self) -> tuple[int, ...]:
        """See `Fault`."""
        return (self.machine,) if self.foreign is None else (self.machine, self.foreign)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`: a home without its keys is not opened."""
        async with stage.taking_down(self.machine) as place:
            await place.shutdown()
            whole = place.machine.snapshot()
            others = {} if self.foreign is None else stage.places[self.foreign].machine.snapshot()
            keys = {name: data for name, data in others.items() if name in _KEYS}
            place.machine.restore({name: data for name, data in whole.items() if name not in _KEYS} | keys)
            await place.boot_in_vain()
            place.machine.restore(whole)
            await place.boot()


@attrs.frozen(slots=True, kw_only=True)
class Pause(MachineFault):
    """The process is stopped (SIGSTOP) and continued."""

    seconds: float = attrs.field(default=3.0, validator=ranges.SECONDS)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        place = _up(stage, self.machine)
        process_of = place.downs
        place.machine.pause()
        await stage.hold(self.seconds)
        if place.downs == process_of:
            place.machine.resume()


@attrs.frozen(slots=True, kw_only=True)
class Slow(MachineFault):
    """Each turn of the daemon's loop takes `by` seconds, as on a machine that swaps."""

    seconds: float = attrs.field(default=10.0, validator=ranges.SECONDS)
    by: float = attrs.field(default=0.1, validator=ranges.SECONDS)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        place = _up(stage, self.machine)
        process_of = place.downs
        place.machine.slow(self.by)
        await stage.hold(self.seconds)
        if place.downs == process_of:
            place.machine.slow(0.0)


@attrs.frozen(slots=True, kw_only=True)
class ClockStep(MachineFault):
    """The wall clock is wrong by some seconds for a while, and then is set right."""

    disturbs = False
    by: float = attrs.field(validator=ranges.STEP)
    seconds: float = attrs.field(default=30.0, validator=ranges.SECONDS)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        place = stage.places[self.machine]
        place.step(self.by)
        await stage.hold(self.seconds)
        place.step(-self.by)


def _up(stage: "Stage", machine: int) -> "Place":
    place = stage.places[machine]
    if not place.up:
        raise Moot
    return place
