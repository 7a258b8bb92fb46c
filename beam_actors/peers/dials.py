"""The dials of one peer, one after another: when the next may begin, where to, and how the last one ended.

The invariants: one dial at a time, beside those that a person asks for, and some time between the end of one and the
begin of the next, however often it is asked for; what is asked for meanwhile is tried beside, and takes no place from
what is known; of a dial that was cancelled neither a session nor the end counts. Whether to dial is the peer's table's
matter, and how (`dialling`) is the dialler's.
"""

from collections.abc import Callable, Sequence

import attrs
import trio

from beam_actors.errors import BeamError
from beam_actors.peers.dialling import Dialler
from beam_actors.peers.limits import PeersLimits
from beam_actors.peers.messages import DialEnded
from beam_actors.ports import Clock
from beam_actors.runtime import Ref, Worker
from beam_actors.values import Multiaddr, PeerId


class Dials:
    """Dials in workers of the peer's actor.

    Args:
        peer: who is dialled.
        dialler: how.
        limits: the spacing, and how many addresses one dial tries.
        clock: measures the spacing.
        known: the addresses that are known of the peer now.
        spawn: starts a worker.
        ref: is told `AdoptSession`, after a success, and then `DialEnded`.
    """

    __slots__ = (
        "_clock",
        "_dialler",
        "_ended_at",
        "_known",
        "_limits",
        "_number",
        "_peer",
        "_ref",
        "_spawn",
        "_try",
        "_trying",
        "_up_at",
        "_worker",
        "asked",
        "failure",
        "failures",
    )

    def __init__(
        self,
        peer: PeerId,
        dialler: Dialler,
        limits: PeersLimits,
        clock: Clock,
        *,
        known: Callable[[], Sequence[Multiaddr]],
        spawn: Callable[..., Worker],
        ref: Ref,
    ) -> None:
        self._peer = peer
        self._dialler = dialler
        self._limits = limits
        self._clock = clock
        self._known = known
        self._spawn = spawn
        self._ref = ref
        self._worker: Worker | None = None
        self._number = 0
        self._trying: list[Multiaddr] = []
        """What the dial that is under way was given."""
        self._try: Callable[[Sequence[Multiaddr]], None] | None = None
        """Gives it more."""
        self._ended_at: float | None = None
        self._up_at: float | None = None
        self.asked: tuple[Multiaddr, ...] = ()
        """Addresses that a caller gave and that were not dialled yet; they come before what is known."""
        self.failures = 0
        """How many dials failed since the last session that stood for a while."""
        self.failure: str | None = None
        """Why the last one did."""

    def __repr__(self) -> str:
        return f"Dials({self._peer.short}, {self._number} so far, {self.failures} failed in a row)"

    @property
    def begun(self) -> bool:
        """Whether this node ever went to the peer by itself, in this life of its actor."""
        return self._number > 0

    def ask(self, addresses: Sequence[Multiaddr], *, now: bool = False) -> None:
        """Have these dialled first; `now`: beside the dial that is under way, if there is one and it has room.

        Others are believed where the peer is, and may be wrong: so what is known has its places among those of a dial.
        """
        if now and self._try is not None:
            new = [item for item in dict.fromkeys(addresses) if item not in self._trying]
            room = max(0, 2 * self._limits.dial_addresses - len(self._trying))
            if beside := new[:room]:
                self._trying += beside
                self._try(beside)
            addresses = new[room:]
        self.asked = tuple(dict.fromkeys((*addresses, *self.asked)))[: self._limits.dial_addresses]

    def start(self) -> None:
        """Begin one, unless one is under way."""
        if self._worker is None:
            self._number += 1
            self._worker = self._spawn(self._run, self._number, name="dial")

    def cancel(self) -> None:
        """End the one that is under way, and forget what was asked for."""
        self.asked = ()
        if self._worker is not None:
            self._worker.cancel()
            self._try = None
            self._number += 1
            self._over()
            self.failure = "the dial was cancelled by a person who disconnected."

    def counts(self, number: int) -> bool:
        """Whether that dial is the last one that began, and was not cancelled: its word may have crossed that."""
        return number == self._number

    def ended(self, number: int) -> bool:
        """That dial is over; False if its word does not count."""
        if not self.counts(number):
            return False
        self._over()
        return True

    def _over(self) -> None:
        self._worker = None
        self._ended_at = self._clock.monotonic()

    def gave_up(self) -> None:
        """All that was to be tried has failed."""
        self.asked = ()
        self.failures += 1

    def succeeded(self) -> None:
        """There is a session."""
        self.failure = None
        if self._up_at is None:
            self._up_at = self._clock.monotonic()

    def lost(self) -> None:
        """There is none any more, if there was one: what stood for moments only is as good as a dial that failed."""
        if self._up_at is not None:
            stood = self._clock.monotonic() - self._up_at
            self.failures = 0 if stood >= self._limits.back_off_alone else self.failures + 1
            self._up_at = None

    async def at(self, address: Multiaddr) -> str | None:
        """Dial one address, beside the dial that may be under way; why it did not lead to the peer, or None."""
        await self._space()
        try:
            self._ref.tell(await self._dialler.dial(self._peer, (address,), self._ref))
        except BeamError as error:
            return str(error)
        finally:
            self._ended_at = self._clock.monotonic()
        return None

    async def _space(self) -> None:
        if self._ended_at is not None:
            await trio.sleep(max(0.0, self._ended_at + self._limits.dial_spacing - self._clock.monotonic()))

    async def _run(self, number: int) -> None:
        await self._space()
        half = self._limits.dial_addresses // 2
        first, self.asked = self.asked, ()
        self._trying = list(dict.fromkeys((*first[:half], *self._known(), *first[half:])))[
            : self._limits.dial_addresses
        ]
        failures: list[str] = []
        won, running = False, 0
        async with trio.open_nursery() as nursery:

            async def attempt(addresses: Sequence[Multiaddr]) -> None:
                nonlocal won, running
                try:
                    found = await self._dialler.dial(self._peer, addresses, self._ref)
                except BeamError as error:
                    failures.append(str(error))
                else:
                    if won:
                        found.dispose()
                    else:
                        won = True
                        self._ref.tell(attrs.evolve(found, dial=number))
                        nursery.cancel_scope.cancel()
                running -= 1
                if won or not running:
                    self._try = None  # nothing more begins in what is about to end

            def begin(addresses: Sequence[Multiaddr]) -> None:
                nonlocal running
                running += 1
                nursery.start_soon(attempt, addresses)

            self._try = begin
            begin(tuple(self._trying))
        self._ref.tell(DialEnded(number, None if won else " ".join(failures)))
