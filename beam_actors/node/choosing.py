"""To whom names lead on this machine, and what its person bound them to: pins and petnames, with what they end up at.

Invariant: what a person binds or forgets is true for the next page as well, so the web servers forget at once what they
knew of the name. It holds nothing itself: naming knows what is bound, and ingress what leads where.
"""

from collections.abc import Mapping, Sequence

import attrs

from beam_actors.control import PetnameMade, PinMade, Resolution
from beam_actors.errors import BeamError, InvalidValue, NameNotFound, NotAllowed, UsageError
from beam_actors.ingress import Ingress
from beam_actors.naming import Naming
from beam_actors.node.rows import Rows
from beam_actors.tunnels import ForwardSpec
from beam_actors.values import Name, OwnerId


class Choosing:
    """Carries out what a person decides about names of others."""

    def __init__(self, naming: Naming, ingress: Ingress, rows: Rows, owner: OwnerId) -> None:
        """`owner` is this node's."""
        self._naming = naming
        self._ingress = ingress
        self._rows = rows
        self._owner = owner

    def __repr__(self) -> str:
        return f"<Choosing of {self._owner.short}>"

    async def resolve(self, name: str) -> Resolution:
        """What a name leads to: a device of the LAN, or an owner's machine."""
        try:
            located = await self._ingress.locate(name)
        except BeamError:
            located = None  # nobody is known to hold it, or no web server runs here, so no address leads there
        if located is not None and located.device:
            return self._rows.device(self._naming.parse(name).name, located.address)
        found = await self._naming.resolve(name, chosen=True)
        return self._rows.resolution(found, located.address if located is not None else None)

    async def pin(self, name: str, owner: OwnerId | None) -> PinMade:
        """Hold on to an owner for a name; raise `NotAllowed` for an own name and another owner, or as `Naming.pin`."""
        await self._check_pin(name, owner)
        before = await self._bindings("pin")
        made = await self._naming.pin(name, owner)
        self._ingress.forget(self.bare(name))
        found = await self._bound(name, "pin", made.name, made.owner)
        return PinMade(**attrs.asdict(found), before=self._other(before, made.name, made.name, made.owner))

    async def unpin(self, name: str) -> None:
        """Forget a pin; raises like `Naming.unpin`."""
        await self._naming.unpin(name)
        self._ingress.forget(self.bare(name))

    async def petname(self, petname: str, name: str) -> PetnameMade:
        """Let a petname stand for an owner's name, and say what it hides; raises like `Naming.petname`."""
        bound = await self._bindings("petname")
        meant = await self._naming.petname(petname, name)
        self._ingress.forget(self.bare(petname))
        label = self._naming.parse(petname).name
        others = await self._naming.holders(petname)
        if label == meant.name:
            others -= {meant.owner}
        found = await self._bound(petname, "petname", meant.name, meant.owner)
        own = self._rows.always(label, self._owner) if self._owner in others else None
        covers = tuple(self._rows.always(label, owner) for owner in sorted(others - {self._owner}, key=str))
        before = self._other(bound, label, meant.name, meant.owner)
        return PetnameMade(
            **attrs.asdict(found), petname=self._rows.full(label), before=before, covers=covers, covers_own=own
        )

    async def forget_petname(self, petname: str) -> None:
        """Forget a petname; raises like `Naming.forget_petname`."""
        await self._naming.forget_petname(petname)
        self._ingress.forget(self.bare(petname))

    def bare(self, text: str) -> str:
        """A name as typed, without its suffix; anything else as it is."""
        try:
            return str(self._naming.parse(text).name)
        except (InvalidValue, NameNotFound):
            return text

    def forward_to(self, text: str, specs: Sequence[ForwardSpec]) -> str | None:
        """The key of the one forward whose destination is this with another suffix or without one; None if none is.

        Raises:
            UsageError: there are several.
        """
        wanted = self._spelled(text)
        meant = [
            spec.key
            for spec in specs
            if wanted in {self._spelled(spec.destination), self._spelled(f"{spec.destination}:{spec.port}")}
        ]
        if len(meant) > 1:
            raise UsageError(f"{text[:80]!r} may mean several forwards: say which of {', '.join(sorted(meant))}.")
        return meant[0] if meant else None

    def _spelled(self, text: str) -> str:
        """`NAME`, `NAME.OWNER` or either with a port, without its suffix; anything else as it is."""
        host, colon, port = text.partition(":")
        try:
            return f"{self._naming.parse(host)}{colon}{port}"
        except (InvalidValue, NameNotFound):
            return text

    async def _check_pin(self, text: str, owner: OwnerId | None) -> None:
        query = self._naming.parse(text)
        owner = owner or query.owner or self._owner
        own = {held.name for held in await self._naming.names() if held.relation == "own"}
        if query.name in own and owner != self._owner:
            raise NotAllowed(
                f"{query.name} is your own name, which goes before any pin: `beam release {query.name}` gives it up, "
                f"and {self._rows.always(query.name, owner)} leads to the other owner as it is."
            )

    async def _bindings(self, relation: str) -> dict[Name, tuple[Name, OwnerId]]:
        """What is bound in this way, each with its name of which owner."""
        held = await self._naming.names()
        return {row.name: (row.target, row.owner) for row in held if row.relation == relation}

    def _other(
        self, before: Mapping[Name, tuple[Name, OwnerId]], label: Name, name: Name, owner: OwnerId | None
    ) -> str | None:
        """What the label was bound to `before`, if not to this name of this owner."""
        bound = before.get(label)
        return None if bound in {None, (name, owner)} else self._rows.always(*bound)

    async def _bound(self, label: str, source: str, name: Name, owner: OwnerId | None) -> Resolution:
        """What was bound: where it leads, or to whom, if that owner is not known to hold the name now."""
        try:
            return await self.resolve(label)
        except NameNotFound:
            return self._rows.unreached(name, owner, source)
