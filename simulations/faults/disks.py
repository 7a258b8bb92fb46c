"""What goes wrong with a machine's disk while its daemon runs."""

from typing import TYPE_CHECKING

import attrs

from simulations import ranges
from simulations.faults.base import MachineFault

if TYPE_CHECKING:
    from simulations.stage import Stage


@attrs.frozen(slots=True, kw_only=True)
class DiskFull(MachineFault):
    """No byte more fits on the disk for a while."""

    disturbs = False
    seconds: float = attrs.field(default=10.0, validator=ranges.SECONDS)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        place = stage.places[self.machine]
        place.disk_refuses()
        place.machine.disk.capacity = place.machine.disk.used
        await stage.hold(self.seconds)
        place.machine.disk.capacity = None
        place.disk_works()


@attrs.frozen(slots=True, kw_only=True)
class DiskBroken(MachineFault):
    """The disk answers with errors for a while."""

    disturbs = False
    seconds: float = attrs.field(default=10.0, validator=ranges.SECONDS)

    async def strike(self, stage: "Stage") -> None:
        """See `Fault`."""
        place = stage.places[self.machine]
        place.disk_refuses()
        place.machine.disk.broken = True
        await stage.hold(self.seconds)
        place.machine.disk.broken = False
        place.disk_works()
