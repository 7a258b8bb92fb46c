"""The names that this node's owner means to hold on this machine, and those that another machine of the owner gave up.

What is in the registry is what the owner said; this is what a person here wants said, so it comes first and outlives a
claim. Invariants: a name is held, given up, or neither, and in the first two cases it has a row in the store; none is
added beyond what other nodes keep of one owner, on whichever machine that is. Pure: the time is an argument.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from beam_actors.errors import NotAllowed, QuotaExceeded
from beam_actors.naming import records
from beam_actors.naming.bindings import Bindings
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.keeping import was_given_up, was_handed_over
from beam_actors.naming.limits import Limits
from beam_actors.naming.made import MadeNames
from beam_actors.naming.records import Own
from beam_actors.naming.registry import Registry
from beam_actors.ports import Change
from beam_actors.values import Name, OwnerId, PeerId


class OwnNames(Mapping[Name, Own]):
    """The held ones by name. One holder."""

    __slots__ = ("_bindings", "_given_up", "_held", "_limits", "_made", "_me", "_owner", "_record", "_registry")

    def __init__(
        self,
        registry: Registry,
        bindings: Bindings,
        made: MadeNames,
        record: Callable[[Change], None],
        *,
        owner: OwnerId,
        me: PeerId | None,
        limits: Limits,
    ) -> None:
        """`record` is given the store's changes; `owner` is this node's, and `me` this machine."""
        self._registry = registry
        self._bindings = bindings
        self._made = made
        self._record = record
        self._owner = owner
        self._me = me
        self._limits = limits
        self._held: dict[Name, Own] = {}
        self._given_up: dict[Name, Own] = {}

    def __getitem__(self, name: Name) -> Own:
        return self._held[name]

    def __contains__(self, name: object) -> bool:
        return name in self._held

    def __iter__(self) -> Iterator[Name]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return f"<OwnNames: {len(self)} held, {len(self._given_up)} given up>"

    @property
    def given_up(self) -> Mapping[Name, Own]:
        """Own names that another machine of the owner gave up, or handed over in an era that was known, for reading.

        They are held no longer, and kept in mind for as long as its claim is, in case it was a thief. Then the owner's
        next era claims them anew.
        """
        return self._given_up

    # --- what a person does -------------------------------------------------------------------------------------------

    def add(self, name: Name, *, contest: bool, now: float) -> None:
        """Intend to hold a name that is not held, although somebody else may do (`contest`).

        Raises:
            QuotaExceeded: this owner holds as many names as the others' nodes will keep.
        """
        self._check_room(name)
        said = self._registry.entry(name, self._owner)
        since = max(int(now), said.claim.issued if said and said.claim.kind is not Kind.LIVE else 0)
        self._given_up.pop(name, None)
        self._held[name] = own = Own(name, since, self._owner, contest=contest)
        self._record(records.put_own(own))

    def drop(self, name: Name) -> None:
        """Hold the name no longer; nothing is signed here."""
        if self._held.pop(name, None) or self._given_up.pop(name, None):
            self._record(records.drop_own(name))

    def take_back(self, name: Name, era: int) -> bool:
        """Hold a name again that was given up, unless the owner said so in `era`; whether it was given up until now.

        Raises:
            QuotaExceeded: as `add`.
        """
        own, entry = self._given_up.get(name), self._registry.entry(name, self._owner)
        said = entry.claim if entry is not None and entry.era >= era else None
        if own is None or own.handing is not None or was_given_up(own, said) or was_handed_over(own, said):
            return False
        self._check_room(name)
        self._held[name] = self._given_up.pop(name)
        return True

    def spare(self, in_use: Collection[Name]) -> Name | None:
        """The own name that may be given up so that there is room for another one, if that helps.

        It is the made name that was asked for longest ago, of those that are not `in_use`, nor bound here, nor claimed
        by another machine, nor to be handed over.
        """
        for name in self._made.unchosen():
            own, entry = self.get(name), self._registry.entry(name, self._owner)
            if own is None or own.handing is not None or name in in_use or self._bindings.owners_of(name):
                continue
            if entry is None or set(entry.claim.peers) <= {self._me}:
                return name if self._makes_room(name) else None
        return None

    # --- what the owner says, here or on another machine --------------------------------------------------------------

    def signed(self, claim: Claim) -> None:
        """This machine signed it. A tombstone or a transfer ends the intent; a live claim revives what was given up."""
        if claim.kind in {Kind.TOMBSTONE, Kind.TRANSFER}:
            self.drop(claim.name)
        elif claim.kind is Kind.LIVE and claim.name in self._given_up:
            self._held[claim.name] = self._given_up.pop(claim.name)

    def check_meant(self, claim: Claim) -> None:
        """Check that another machine did not hand the name over since it was read what this one is to sign.

        With the number of the transfer the claim would stand beside it, and might count.

        Raises:
            NotAllowed: it did.
        """
        entry = self._registry.entry(claim.name, self._owner)
        if claim.kind is not Kind.LIVE or claim.owner != self._owner or claim.name in self._held or entry is None:
            return
        if entry.claim.kind is Kind.TRANSFER and entry.era == claim.era:
            raise NotAllowed(f"{claim.name} was handed over on another machine of its owner.")

    def check_opens(self, claim: Claim) -> None:
        """Check that an era is still to be opened by this claim, if all that it says is that a name is given up.

        Raises:
            NotAllowed: the owner has spoken in the era meanwhile, or a person here registered the name.
        """
        if claim.kind is not Kind.TOMBSTONE:
            return
        era = self._registry.era_of(claim.owner)
        if era >= claim.era:
            raise NotAllowed(f"Era {era} is open; {claim.name} is not given up for that.")
        if claim.name in self._held:
            raise NotAllowed(f"{claim.name} is held here; it is not given up to open an era.")

    def reconsider(self, name: Name, *, begins: bool = False) -> None:
        """An own name that another machine gave up or handed over is held no longer, until this one claims it again.

        `begins` says that what counts now is the first that was said of the name in its era. If that hands it over, it
        was said with the recovery phrase, by no thief, and this machine's next era is not to take the name back.
        """
        entry = self._registry.entry(name, self._owner)
        said = None if entry is None else entry.claim
        meant = self._held.get(name) or self._given_up.get(name)
        handed = meant is not None and was_handed_over(meant, said)
        if handed and begins:
            self.drop(name)
        elif name in self._held and (handed or was_given_up(self._held[name], said)):
            self._given_up[name] = self._held.pop(name)
        elif name in self._given_up and said is not None and self._me in said.peers:  # which this disk had lost
            self._held[name] = self._given_up.pop(name)

    def forget(self) -> None:
        """Drop what was given up by a claim that is forgotten."""
        for name in [name for name in self._given_up if self._registry.entry(name, self._owner) is None]:
            self.drop(name)

    # --- how many -----------------------------------------------------------------------------------------------------

    def _names(self) -> tuple[set[Name], set[Name]]:
        """The names that this owner holds, on whatever machine; and the same with those that were released."""
        known = self._registry.names_of(self._owner)
        live = {entry.name for entry in known if entry.claim.kind is Kind.LIVE}.union(self._held)
        return live, live.union(entry.name for entry in known)

    def _makes_room(self, name: Name) -> bool:
        """Whether there is room for one more name if this one is given up."""
        live, every = self._names()
        return len(live - {name}) < self._limits.names_per_owner and len(every) < self._limits.holds_per_owner

    def _check_room(self, name: Name) -> None:
        """Raise `QuotaExceeded` if others would not keep one more name of this owner."""
        live, every = self._names()
        if len(live - {name}) >= self._limits.names_per_owner:
            most = self._limits.names_per_owner
            raise QuotaExceeded(
                f"You hold {most} names, as many as one owner may: `beam names` lists them, and `beam release` gives "
                "one up."
            )
        if len(every - {name}) >= self._limits.holds_per_owner:
            raise QuotaExceeded(
                f"You hold, or released within a month, {self._limits.holds_per_owner} names: others keep no more of "
                "one owner; `beam register` one of these again, or wait."
            )

    # --- from the store -----------------------------------------------------------------------------------------------

    def load(self, own: Own) -> None:
        """Take one back; `reconsider` it when the claims are there, too."""
        self._held[own.name] = own
