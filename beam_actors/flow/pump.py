"""The pump: the one task that touches bytes in bulk, driving every link of a node over one network driver.

The invariants: no callback runs inside another (`call_soon` means the next round); no slice of work is longer than its
bounds, so timers and actors stay punctual; a failing callback ends its link and crashes that link's owner, never the
pump. It knows links, timers and owners, and nothing of what the bytes mean.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

import attrs
import trio

from beam_actors.errors import ConnectionLost
from beam_actors.flow.budget import Budget
from beam_actors.flow.limits import FlowLimits
from beam_actors.flow.link import Owned
from beam_actors.flow.owner import Owner
from beam_actors.flow.pacing import Pacer
from beam_actors.flow.splices import Splices
from beam_actors.flow.timers import Timer, TimerHeap
from beam_actors.ports import Clock, NetworkDriver, Pollable, Ready

_BUFFERS: trio.lowlevel.RunVar[dict[int, memoryview]] = trio.lowlevel.RunVar("read buffers")


class Pumped(Protocol):
    """What stands behind a pollable of the driver."""

    def ready(self, bits: int) -> None:
        """The pollable is ready in these ways."""
        ...

    def crash(self, error: Exception) -> None:
        """`ready` raised this."""
        ...


class Flushed(Protocol):
    """A link that collects what it sends and seals it once per slice."""

    def flush(self) -> None:
        """Send what was collected."""
        ...

    def crash(self, error: Exception) -> None:
        """`flush` raised this."""
        ...


@attrs.frozen(slots=True)
class PumpStatistics:
    """What a pump did and holds; times in seconds, sizes in bytes."""

    links: int
    timers: int
    bytes_held: int
    bytes_moved: int
    callbacks: int
    slices: int
    resets_for_budget: int
    latest_timer: float
    """The most that a timer ran late by."""


class Pump:
    """Moves bytes between the links of one node. `await run()` is the worker of the pump actor."""

    def __init__(self, driver: NetworkDriver, clock: Clock, limits: FlowLimits | None = None) -> None:
        self.driver = driver
        self.clock = clock
        self.limits = limits or FlowLimits()
        self.budget = Budget("node", self.limits.node_bytes)
        self.buffer = _read_buffer(self.limits.read_size)
        """The shared read buffer: what it holds is gone once the callback that filled it returns."""
        self.splices = Splices()
        self.slice_at = clock.monotonic()
        """When the present slice began: the time for what need not be exact, without asking the clock."""
        self.pacer = Pacer(self)
        self.is_open = True
        self._pumped: dict[Pollable, Pumped] = {}
        self._owned: dict[str, dict[Owned, None]] = {}
        self._unowned: dict[Owned, None] = {}
        self._timers = TimerHeap()
        self._soon: deque[tuple[Callable[[], None], Owned | None]] = deque()
        self._flushes: list[Flushed] = []
        self._batch: list[Ready] = []
        """What became ready, the first one last."""
        self._waiting = False
        self._moved_in_slice = 0
        self._bytes_moved = 0
        self._callbacks = 0
        self._slices = 0
        self._latest_timer = 0.0

    # --- what links use ---

    def call_soon(self, callback: Callable[[], None], blame: Owned | None = None) -> None:
        """Run `callback` in the next round. If it raises, `blame` is crashed; without one, the pump is."""
        self._soon.append((callback, blame))
        self.wake()

    def call_at(self, when: float, callback: Callable[[], None], blame: Owned | None = None) -> Timer:
        """Run `callback` at `when`, in seconds of `clock.monotonic()`; `blame` as in `call_soon`."""
        timer = self._timers.add(when, callback, blame)
        self.wake()
        return timer

    def call_later(self, seconds: float, callback: Callable[[], None], blame: Owned | None = None) -> Timer:
        """The same, counted from now."""
        return self.call_at(self.clock.monotonic() + seconds, callback, blame)

    def flush_later(self, link: Flushed) -> None:
        """Call `link.flush` once at the end of this slice; the caller sees to it that it asks once."""
        self._flushes.append(link)
        self.wake()

    def moved(self, size: int) -> None:
        """Count bytes against the slice."""
        self._moved_in_slice += size
        self._bytes_moved += size

    def wake(self) -> None:
        """Let a waiting pump see what was queued for it."""
        if self._waiting:
            self._waiting = False
            self.driver.wake()

    def watch(self, pollable: Pollable, pumped: Pumped) -> None:
        """Deliver the pollable's readiness to `pumped`."""
        self._pumped[pollable] = pumped

    def unwatch(self, pollable: Pollable) -> None:
        """Deliver no more of it."""
        self._pumped.pop(pollable, None)

    # --- who owns what ---

    def register(self, owned: Owned, owner: Owner | None) -> None:
        """Enter it in the books of `owner`, taking it out of its present owner's."""
        if not self.is_open:
            raise ConnectionLost("The pump has ended.")
        self.unregister(owned)
        owned.owner = owner
        if owner is None:
            self._unowned[owned] = None
        else:
            self._owned.setdefault(owner.path, {})[owned] = None

    def unregister(self, owned: Owned) -> None:
        """Take it out of the books."""
        owner = owned.owner
        if owner is None:
            self._unowned.pop(owned, None)
            return
        belongings = self._owned.get(owner.path)
        if belongings is not None:
            belongings.pop(owned, None)
            if not belongings:
                del self._owned[owner.path]

    def owner_ended(self, path: str) -> None:
        """An incarnation of the actor at `path` ended: abort what it owned, save what is spliced."""
        for owned in list(self._owned.get(path, ())):
            if not owned.outlives_owner:
                self.register(owned, None)  # nobody is left to be told or crashed
                owned.abort(ConnectionLost("The actor that owned this connection ended."))

    def owned_by(self, path: str) -> int:
        """How many links and listeners the actor at `path` owns."""
        return len(self._owned.get(path, ()))

    # --- the loop ---

    async def run(self) -> None:
        """Drive everything until closed or cancelled; leaving aborts every link and closes the driver."""
        try:
            while self.is_open:
                self._slice()
                if self._batch:
                    await trio.lowlevel.checkpoint()
                    continue
                self._waiting = True
                try:
                    until = self.clock.monotonic() if self._soon or self._flushes else self._timers.next_at()
                    self._enter(await self.driver.wait(until, self._turn))
                finally:
                    self._waiting = False
        finally:
            self.close()

    def _turn(self, batch: list[Ready]) -> float | None:
        """One slice, for a driver that calls instead of being awaited."""
        self._waiting = False
        self._enter(batch)
        self._slice()
        self._waiting = True
        if self._soon or self._batch or self._flushes:
            return self.clock.monotonic()
        return self._timers.next_at()

    def _enter(self, batch: list[Ready]) -> None:
        """Put a batch behind what is left of the one before; what is in both is there once, with all that was said."""
        if self._batch:
            left = dict(reversed(self._batch))
            for pollable, bits in batch:
                left[pollable] = left.get(pollable, 0) | bits
            batch = list(left.items())
        if len(batch) > 1:
            batch.reverse()
        self._batch = batch

    def close(self) -> None:
        """Abort everything, tell whoever waits, and close the driver; idempotent."""
        if not self.is_open:
            return
        error = ConnectionLost("The pump has ended.")
        books = [*self._owned.values(), self._unowned]
        for owned in [owned for book in books for owned in book]:
            owned.abort(error)
        # Waiting tasks are woken by their links' last calls; whatever those queue is void.
        for callback, blame in list(self._soon):
            if blame is not None:  # nobody's call may have been what failed; it must not fail the closing too
                self._guarded(callback, blame)
        self._soon.clear()
        self._flushes.clear()
        self._batch.clear()
        self.is_open = False
        self.driver.close()

    def statistics(self) -> PumpStatistics:
        """What it did and holds."""
        return PumpStatistics(
            links=len(self._unowned) + sum(map(len, self._owned.values())),
            timers=len(self._timers),
            bytes_held=self.budget.total,
            bytes_moved=self._bytes_moved,
            callbacks=self._callbacks,
            slices=self._slices,
            resets_for_budget=self.budget.resets,
            latest_timer=self._latest_timer,
        )

    def _slice(self) -> None:
        # Most slices serve one small packet, so what has nothing to do isn't even called.
        now = self.slice_at = self.clock.monotonic()
        deadline = now + self.limits.slice_seconds
        self._moved_in_slice = 0
        self._slices += 1
        if self._timers.is_due(now):
            self._run_timers(now)
        # Queued calls and ready sockets each have their share, and get one turn at least: neither can starve the other.
        if self._soon:
            self._run_soon(deadline)
        if self._batch:
            self._run_batch(deadline)
        if self._flushes:
            self._run_flushes()
        if self.budget.exceeded:
            self.budget.enforce()

    def _run_timers(self, now: float) -> None:
        while (timer := self._timers.pop_due(now)) is not None:
            callback, timer.callback = timer.callback, None
            self._latest_timer = max(self._latest_timer, now - timer.when)
            self._callbacks += 1
            if callback is not None:
                self._guarded(callback, timer.blame)

    def _run_soon(self, deadline: float) -> None:
        # Only calls queued before this round run, so a stacked link that stays ready takes turns like a socket.
        limits, soon, monotonic = self.limits, self._soon, self.clock.monotonic
        for _ in range(min(len(soon), limits.slice_callbacks)):
            callback, blame = soon.popleft()
            self._callbacks += 1
            self._guarded(callback, blame)
            if self._moved_in_slice >= limits.slice_bytes or monotonic() >= deadline:
                return

    def _run_batch(self, deadline: float) -> None:
        limits, batch, pumped_of, monotonic = self.limits, self._batch, self._pumped, self.clock.monotonic
        done = 0
        while batch and done < limits.slice_callbacks:
            pollable, bits = batch.pop()
            pumped = pumped_of.get(pollable)
            if pumped is None:
                continue  # closed by an earlier entry of the batch
            try:
                pumped.ready(bits)
            except Exception as error:  # noqa: BLE001  # the link's owner answers for it
                pumped.crash(error)
            done += 1
            if batch and (self._moved_in_slice >= limits.slice_bytes or monotonic() >= deadline):
                break
        self._callbacks += done

    def _run_flushes(self) -> None:
        while self._flushes:
            flushes, self._flushes = self._flushes, []
            for flushed in flushes:
                try:
                    flushed.flush()
                except Exception as error:  # noqa: BLE001  # the link's owner answers for it
                    flushed.crash(error)

    @staticmethod
    def _guarded(callback: Callable[[], None], blame: Owned | None) -> None:
        if blame is None:
            callback()
            return
        try:
            callback()
        except Exception as error:  # noqa: BLE001  # whoever asked for the call answers for it
            blame.crash(error)

    def __repr__(self) -> str:
        return f"<Pump of {len(self._pumped)} pollables, {len(self._timers)} timers, {self.budget.total} bytes held>"


def _read_buffer(size: int) -> memoryview:
    """One for all pumps of this loop, since no callback of one runs inside another's, and none keeps what it read."""
    try:
        buffers = _BUFFERS.get()
    except LookupError:
        _BUFFERS.set(buffers := {})
    if size not in buffers:
        buffers[size] = memoryview(bytearray(size))
    return buffers[size]
