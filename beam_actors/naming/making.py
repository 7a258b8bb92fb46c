"""`Making`: random names for purposes, such as a local port that is offered without a name. Part of the facade.

It holds refs and no state; which name was made for what, the registrar keeps (`made`). Invariant: a purpose has one
name for as long as that can be had, so that a link that somebody was sent goes on to work.
"""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any, Protocol

from beam_actors.errors import NameTaken
from beam_actors.naming.grammar import RANDOM_NAME_ENTROPY, random_name
from beam_actors.naming.tending import GetMade, GetSpare, KeepMade
from beam_actors.ports import Entropy
from beam_actors.values import Name


class Register(Protocol):
    """How a name is claimed: `Naming.register`."""

    def __call__(self, text: str, *, patient: bool, made: bool) -> Awaitable[object]:
        """Claim the name; return before its work is done unless `patient`. `made`: nobody asked for it by itself."""
        ...


class Making:
    """Every method that waits may raise `TimedOut` or `ActorError`."""

    def __init__(self, ask: Callable[[object], Awaitable[Any]], register: Register, entropy: Entropy) -> None:
        """`ask` puts a question to the registrar."""
        self._ask = ask
        self._register = register
        self._entropy = entropy

    def __repr__(self) -> str:
        return f"<Making by {self._entropy!r}>"

    def random_name(self) -> Name:
        """A name that nobody else has made up (48 random bits)."""
        return random_name(self._entropy.token(RANDOM_NAME_ENTROPY))

    async def made_before(self, purpose: str) -> Name | None:
        """The random name that `made_for` made for the purpose, whoever holds it now; None if there is none."""
        known: Name | None = await self._ask(GetMade(purpose))
        return known

    async def made_for(self, purpose: str, fresh: Name) -> Name:
        """Claim the random name that was made for the purpose before, or `fresh` if that is not to be had any more.

        The work for it may go on afterwards. Two at once for one purpose may each make one. Raises like
        `Naming.register`.
        """
        known = await self.made_before(purpose)
        if known is not None:
            with suppress(NameTaken):  # a person released it and somebody else holds it now
                return await self._make(purpose, known)
        return await self._make(purpose, fresh)

    async def _make(self, purpose: str, name: Name) -> Name:
        await self._register(name.label, patient=False, made=True)
        await self._ask(KeepMade(purpose, name))
        return name

    async def spare(self, in_use: Collection[Name]) -> Name | None:
        """The own random name that may be released to make room for another name; None if that would not help.

        It is the one that was asked for longest ago, of those that are not `in_use` (something is offered under them,
        or about to be).
        """
        found: Name | None = await self._ask(GetSpare(frozenset(in_use)))
        return found
