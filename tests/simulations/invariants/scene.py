"""One daemon whose tree the test makes, and one invariant that watches it."""

from types import SimpleNamespace

import trio

from beam_actors.runtime import Actor, ChildSpec, Intensity, Strategy, Supervisor, System

CORE = ("store", "pump", "services")


class Scene:
    """`node/core` with three children below it, for the block; `violations` are what the invariant says."""

    def __init__(self, kind, *, strategy=Strategy.REST_FOR_ONE, name="core", restarts=1000, children=()):
        self.system = System("node", clock=trio.current_time)
        specs = [*(ChildSpec(child, Actor) for child in CORE), *children]
        intensity = Intensity(restarts=restarts, period=10.0)
        core = ChildSpec(name, lambda: Supervisor(specs, strategy=strategy, intensity=intensity))
        self._running = self.system.run(ChildSpec("node", lambda: Supervisor([core], intensity=intensity)))
        self.violations = []
        invariants = SimpleNamespace(violated=self.violations.append)
        stage = SimpleNamespace(invariants=invariants, started=0.0, healed=trio.Event())
        self.invariant = kind(stage)
        self.disk_refuses = False
        self.place = SimpleNamespace(
            index=0,
            name="m0",
            node=SimpleNamespace(system=self.system),
            up=True,
            machine=SimpleNamespace(paused=False),
            disk_refused_around=lambda _when, _seconds: self.disk_refuses,
        )

    async def __aenter__(self):
        await self._running.__aenter__()
        self.invariant.booted(self.place)
        return self

    async def __aexit__(self, *args):
        await self._running.__aexit__(*args)

    async def crash(self, path, error):
        """Crash the actor at the path, and let half a second pass."""
        self.system.whereis(path).crash(error)
        await trio.sleep(0.5)

    async def look(self, seconds):
        """Let the invariant look once a second."""
        for _ in range(seconds):
            await trio.sleep(1)
            self.invariant.look(self.place)
