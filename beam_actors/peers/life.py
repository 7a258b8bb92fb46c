"""The life of one peer as it goes on: its state, what is known of it, who waits for it, its dials and its timers.

Carries out what the table in `lifecycle` says. Invariants: each input is one step of the table, and its effects are
carried out in their order; once the peer is idle, and neither wanted nor kept, it is no acquaintance any more. It
handles no message and starts no session: the peer's actor does.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from beam_actors.peers.acquaintance import Acquaintance
from beam_actors.peers.alarm import Alarm
from beam_actors.peers.book import Entry
from beam_actors.peers.dials import Dials
from beam_actors.peers.lifecycle import Effect, Input, State, step
from beam_actors.peers.live import LiveSessions
from beam_actors.peers.messages import Lingered, Retry
from beam_actors.peers.setting import PeerSetting
from beam_actors.peers.waiting import Waiting
from beam_actors.runtime import Ref, Timer, Worker
from beam_actors.values import PeerId

_RETRY, _LINGERED = Retry(), Lingered()


class Life:
    """Of the peer whose actor is `ref`, which starts workers by `spawn` and timers by `send_after`, and `end` stops.

    When the actor gets `Retry` it calls `retry`, and at `Lingered` it feeds the input of that name.
    """

    __slots__ = (
        "_acquaintance", "_end", "_linger", "_retry", "_retry_at", "_sessions", "_setting", "dials", "entry", "state",
        "waiting",
    )  # fmt: skip

    def __init__(
        self,
        peer: PeerId,
        setting: PeerSetting,
        *,
        sessions: LiveSessions,
        acquaintance: Acquaintance,
        ref: Ref,
        spawn: Callable[..., Worker],
        send_after: Callable[[float, Any], Timer],
        end: Callable[[], None],
    ) -> None:
        limits, clock = setting.limits, setting.clock
        self._setting = setting
        self._sessions = sessions
        self._acquaintance = acquaintance
        self._end = end
        self._retry = Alarm(send_after, _RETRY)
        self._retry_at = 0.0
        self._linger = Alarm(send_after, _LINGERED)
        self.state = State.IDLE
        self.entry = Entry()
        """What the manager knows of the peer."""
        self.waiting = Waiting(peer, most=limits.opens_waiting, clock=clock)
        self.dials = Dials(
            peer, setting.dialler, limits, clock, known=lambda: self.entry.addresses, spawn=spawn, ref=ref
        )

    def __repr__(self) -> str:
        return f"Life({self.state.value}, {self.waiting!r}, {self.dials!r})"

    def begin(self) -> None:
        """The actor has started, and nobody wanted the peer so far."""
        self._linger.set(self._setting.limits.idle_linger)

    @property
    def chosen(self) -> bool:
        """Whether this node went to the peer of its own accord, now or earlier."""
        return self.entry.chosen or self.dials.begun

    def feed(self, happened: Input) -> None:
        """Take a step of the table."""
        taken = step(self.state, happened)
        self.state = taken.to
        for effect in taken.effects:
            self._EFFECTS[effect](self)
        if self.state is State.IDLE and not self.waiting and not self.entry.kept:
            self._acquaintance.end()

    def serve(self) -> None:
        """Give those who wait the best session."""
        best = self._sessions.best
        if best is None:
            return  # all have ended, and the news is under way
        self.waiting.serve(best)

    def _start_back_off(self) -> None:
        self.dials.lost()
        delay = self._setting.backoff.delay(self.dials.failures, self._setting.entropy.uniform())
        self._retry_at = self._setting.clock.monotonic() + delay
        self._rest()

    def retry(self) -> None:
        """A part of the back-off is over; all of it, for a node that has no other peer (it may have had one before)."""
        due = self._setting.clock.monotonic() >= self._retry_at
        if self.state is State.BACKING_OFF and self._setting.routes and not due:
            self._rest()
        else:
            self.feed(Input.RETRY)

    def _rest(self) -> None:
        rest = max(0.0, self._retry_at - self._setting.clock.monotonic())
        self._retry.set(self._setting.backoff.part(rest, self._setting.entropy.uniform()))

    def _start_linger(self) -> None:
        self._linger.set(self._setting.limits.idle_linger if self.chosen and self._acquaintance.made else 0.0)

    _EFFECTS: ClassVar[Mapping[Effect, Callable[["Life"], object]]] = {
        Effect.DIAL: lambda self: self.dials.start(),
        Effect.CANCEL_DIAL: lambda self: self.dials.cancel(),
        Effect.BACK_OFF: lambda self: self._start_back_off(),
        Effect.CANCEL_BACK_OFF: lambda self: self._retry.cancel(),
        Effect.ANNOUNCE_UP: lambda self: self._acquaintance.up(chosen=self.chosen),
        Effect.ANNOUNCE_DOWN: lambda self: self._acquaintance.down(),
        Effect.SERVE: lambda self: self.serve(),
        Effect.FAIL: lambda self: self.waiting.fail(self.dials.failure or "the connection was lost."),
        Effect.CLOSE_SESSIONS: lambda self: self._sessions.close(),
        Effect.LINGER: lambda self: self._start_linger(),
        Effect.CANCEL_LINGER: lambda self: self._linger.cancel(),
        Effect.END: lambda self: self._end(),
    }
    """For all peers at once: a node may know thousands."""
