"""S18: sessions are with machines that are there, and at rest two machines have one, which stays."""

import re
from collections import Counter, deque
from typing import TYPE_CHECKING

import trio

from beam_actors.runtime import Event, ExitKind
from beam_actors.values import PeerId
from simulations import inside
from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from simulations.place import Place

_NOTICED = 30.0
"""Seconds after which a session with a machine without power is given up: eleven of silence, and a delay."""
_STAYS = 15.0
"""Seconds for which no session may begin or end: one that gives way to another drains for five, twice."""
_TOLD = 1.0
"""Seconds after which the other end has seen that a session was cut."""
_SESSION = re.compile(r"node/core/services/network/peers/([^/]+)/session-[^/]+$")


def _is_visit(place: "Place", other: "Place", *, began: bool) -> bool:
    """Whether a session that has just begun or ended is a visit: the one who dialled knows of it before the other."""
    mine, theirs = (PeerId.parse(each.peer_text) for each in (place, other))
    if not inside.is_visit(place.node, theirs):
        return False
    return not began or not other.up or not inside.is_acquainted(other.node, mine)


class SessionsAreSettled(Invariant):
    """S18. A peer that is dead and stays up harms nobody by itself, so no other invariant sees it."""

    id = "S18"
    title = "no session is with a machine that is gone, and at rest two machines have one, which stays"

    def __init__(self, stage: object) -> None:
        super().__init__(stage)  # type: ignore[arg-type]
        self._dark_since: dict[int, float] = {}
        self._awake_since: dict[int, float] = {}
        self._changed_at = 0.0
        self._ours: dict[str, int] = {}
        """The machines by their short ids: strangers come and go."""
        self._live: Counter[tuple[int, str]] = Counter()
        self._ended: deque[tuple[float, Place, Place]] = deque()

    def booted(self, place: "Place") -> None:
        """See `Invariant`."""
        self._dark_since.pop(place.index, None)
        self._awake_since[place.index] = trio.current_time()
        place.node.system.observe(lambda event: self._heard(place, event))
        self._ours[PeerId.parse(place.peer_text).short] = place.index
        for key in [key for key in self._live if key[0] == place.index]:
            del self._live[key]

    def goes_down(self, place: "Place", how: str) -> None:
        """See `Invariant`: only a crash tells nobody."""
        if how == "crash":
            self._dark_since[place.index] = trio.current_time()

    def _heard(self, place: "Place", event: Event) -> None:
        found = _SESSION.match(event.path) if event.kind in {"started", "exited"} else None
        if found is None or found[1] not in self._ours:
            return
        self._live[place.index, found[1]] += 1 if event.kind == "started" else -1
        other = self.stage.places[self._ours[found[1]]]
        if _is_visit(place, other, began=event.kind == "started"):
            return  # it comes and goes
        self._changed_at = trio.current_time()
        by_itself = event.reason is not None and event.reason.kind is ExitKind.NORMAL
        if by_itself and not self._live[place.index, found[1]]:
            self._ended.append((self._changed_at, place, other))

    def look(self, place: "Place") -> None:
        """See `Invariant`."""
        now = trio.current_time()
        self._judge_ends(now)
        if place.machine.paused:
            self._awake_since[place.index] = now
        dark = [index for index, since in self._dark_since.items() if now - since > _NOTICED]
        if not dark or now - self._awake_since.get(place.index, now) < _NOTICED:
            return
        sessions = inside.sessions(place.node)
        for index in dark:
            other = self.stage.places[index]
            path = f"{inside.SERVICES}/network/peers/{PeerId.parse(other.peer_text).short}"
            seconds = now - self._dark_since[index]
            self.expect(
                not sessions.get(path),
                f"{place.name} has a session with {other.name}, which is dark for {seconds:.0f} s",
            )

    def _judge_ends(self, now: float) -> None:
        """A moment later, since a pump that crashes cuts its sessions first and is seen to end then."""
        while self._ended and self._ended[0][0] < now - _TOLD:
            at, place, other = self._ended.popleft()
            self.expect(
                not self.stage.calm.since(at - _TOLD, place, other),
                f"the last session of {place.name} with {other.name} ended although nothing disturbed it",
            )

    async def after_heal(self) -> None:
        """See `Invariant`."""
        start = trio.current_time()
        most = self.stage.plan.bounds.drain
        while (now := trio.current_time()) - self._changed_at < _STAYS and now - start < most:  # noqa: ASYNC110 (virtual)
            await trio.sleep(1.0)
        self.figures["settled after s"] = round(max(0.0, self._changed_at - start), 1)
        self.expect(
            trio.current_time() - self._changed_at >= _STAYS,
            f"{trio.current_time() - start:.0f} s after the heal sessions still begin and end",
        )
        for place in self.stage.core:
            twice = [path for path, count in inside.sessions(place.node, visits=False).items() if count > 1]
            self.expect(not twice, f"{place.name} has several sessions at rest: {', '.join(twice)}")
