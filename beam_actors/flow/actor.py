"""The pump's actor: one incarnation is one pump over one new driver. It decides nothing; it lives and dies."""

from collections.abc import Callable

from beam_actors.flow.facade import Flow
from beam_actors.flow.pump import Pump
from beam_actors.ports import Clock, NetworkDriver
from beam_actors.runtime import Actor, ExitReason


class PumpActor(Actor):
    """Runs a pump and attaches it to `flow`. Its crash aborts every connection of the node, and a new pump follows."""

    def __init__(self, flow: Flow, driver: Callable[[], NetworkDriver], clock: Clock) -> None:
        super().__init__()
        self._flow = flow
        self._make_driver = driver
        self._clock = clock
        self._pump: Pump | None = None

    async def on_start(self) -> None:
        """See `runtime.Actor`."""
        self._flow.watch(self.system)
        self._pump = Pump(self._make_driver(), self._clock, self._flow.limits)
        self._flow.attach(self._pump)
        self.spawn(self._pump.run, name="pump")

    async def on_stop(self, reason: ExitReason) -> None:  # noqa: ARG002  # whatever the reason, everything ends
        """See `runtime.Actor`."""
        self._flow.attach(None)
        if self._pump is not None:
            self._pump.close()
