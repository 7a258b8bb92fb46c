"""What a person sees of the actors inside, and does to one of them: the tree, a trace, a crash on purpose.

Invariant: an actor is named by its path or by an end of it that is one actor's alone, never guessed; nothing is crashed
unless the node was started for that.
"""

import trio

from beam_actors.control import RuntimeFeed, TraceFeed, TraceRequest, Tree, tree_of
from beam_actors.errors import ActorNotFound, ActorUnavailable, NotAllowed, UsageError
from beam_actors.ports import Clock
from beam_actors.runtime import Ref, System


class ChaosCrash(Exception):
    """A person crashed the actor with `beam crash`."""


class Looking:
    """At the actors of `system`, with its times as those of `clock`; `chaos` is whether they may be crashed."""

    def __init__(self, system: System, clock: Clock, *, chaos: bool) -> None:
        self._system = system
        self._clock = clock
        self._chaos = chaos

    def __repr__(self) -> str:
        return f"Looking(at {self._system!r})"

    async def tree(self) -> Tree:
        """The live supervision tree; raise `ActorUnavailable` while there is none."""
        snapshot = self._system.tree()
        if snapshot is None:
            raise ActorUnavailable("The node is starting; try again in a moment.")
        now = self._system.clock()
        await trio.lowlevel.checkpoint()  # thousands of actors: others have their turn between the steps
        return tree_of(snapshot, now)

    def trace(self, request: TraceRequest) -> TraceFeed:
        """Watch what an actor handles; raise `ActorNotFound`, or `UsageError` where several are meant."""
        path = self._find(request.actor).path
        trace = self._system.trace(path, subtree=request.subtree, limit=request.limit, rate=request.rate)
        return RuntimeFeed(trace, lambda at: self._clock.wall() - self._clock.monotonic() + at)

    def crash(self, path: str) -> None:
        """Crash the actor at a path; raise like `trace`, and `NotAllowed` without `chaos`."""
        if not self._chaos:
            raise NotAllowed("This daemon does not let itself be crashed: start it with --chaos.")
        ref = self._find(path)
        if not ref.alive:
            raise ActorNotFound(f"No actor runs at {ref.path!r} now; `beam tree` lists them.")
        ref.crash(ChaosCrash("crashed by `beam crash`"))

    def _find(self, text: str) -> Ref:
        """The actor at a path, or whose path alone ends so; raise `ActorNotFound`, or `UsageError` for several."""
        path = text.strip("/")
        ref = self._system.whereis(path)
        if ref is not None:
            return ref
        living = (self._system.whereis(cell.path) for cell in self._system.cells() if cell.path.endswith(f"/{path}"))
        found = [ref for ref in living if ref is not None]
        if len(found) > 1:
            some = ", ".join(ref.path for ref in found[:3])
            raise UsageError(f"{len(found)} actors are called {path[:80]!r}: say which by a longer end of {some}.")
        if not found:
            raise ActorNotFound(f"No actor runs at {text[:80]!r}; `beam tree` lists them.")
        return found[0]
