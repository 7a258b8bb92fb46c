"""The pool of a subtree, as the actor that fills it sees it: one member for each stored tunnel, or forward.

The invariant: what goes through a member that was ended is cut, also when the pool crashed at that moment (a splice
outlives every actor). Tunnels and forwards differ in what a member is, which is not known here.
"""

import contextlib
from collections.abc import Container
from typing import Any

from beam_actors.errors import ActorCrashed, ActorDead, ActorUnavailable
from beam_actors.flow import Flow
from beam_actors.runtime import ListMembers, Ref, StartMember, StopMember


class Members:
    """Starts and ends the members of a pool; a member's path is the tag of what goes through it."""

    def __init__(self, pool: Ref, flow: Flow) -> None:
        self._pool = pool
        self._flow = flow

    def __repr__(self) -> str:
        return f"Members({self._pool.path})"

    def path(self, key: str) -> str:
        """Where the member of that key is in the tree."""
        return f"{self._pool.path}/{key}"

    async def start(self, key: str, *args: Any) -> Ref:
        """Have a member; one that runs is left alone. Raises `StartFailed`, or `ActorError` while the pool restarts."""
        member: Ref = await self._pool.ask(StartMember(key, args))
        return member

    async def end(self, key: str) -> None:
        """End a member, cut what goes through it, and forget what went; nothing happens if there is none."""
        with contextlib.suppress(ActorDead, ActorUnavailable, ActorCrashed):  # a pool that ends takes its members along
            await self._pool.ask(StopMember(key))
        with contextlib.suppress(ActorUnavailable):  # a pump that ends takes all splices along
            self._flow.splices.abort(self.path(key))
            self._flow.splices.close_account(self.path(key))

    async def keep_only(self, keys: Container[str]) -> None:
        """End what was given up while nobody looked: other members, and what goes through those that are gone."""
        for key in await self._pool.ask(ListMembers()):
            if key not in keys:
                await self.end(key)
        prefix = self.path("")
        for splice in self._flow.splices:
            if any(tag.startswith(prefix) and tag.removeprefix(prefix) not in keys for tag in splice.tag):
                splice.abort()
        for tag in self._flow.splices.accounts:
            if tag.startswith(prefix) and tag.removeprefix(prefix) not in keys:
                self._flow.splices.close_account(tag)
