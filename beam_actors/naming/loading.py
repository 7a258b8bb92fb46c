"""Reading a node's knowledge of names back from the store's tables.

Invariant: what can't be read costs itself only, and fails closed: an owner whose revocation is damaged stays barred, a
name whose pin is damaged leads nowhere, and a name that is perhaps own is held only if this owner is seen to claim it.
Pure: rows are arguments.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Final

from beam_actors.errors import StoreDamaged
from beam_actors.naming import claim_rows, records
from beam_actors.naming.claim import Kind
from beam_actors.naming.entry import Entry, Key
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.lodgers import Lodging
from beam_actors.naming.records import Own
from beam_actors.ports import Change

if TYPE_CHECKING:
    from beam_actors.values import Name


class Loading:
    """Fills an empty `Knowledge`: first the tables, then each entry, then `finish`."""

    def __init__(self, known: Knowledge) -> None:
        self._known = known
        self._deposited: list[Key] = []
        self._unsure: dict[Name, Own | None] = {}  # perhaps own: the row can't be read, or doesn't say whose

    def __repr__(self) -> str:
        return f"<Loading {self._known!r}>"

    def table(self, name: str, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Take back one of `TABLES`. What can't be read costs itself only, and fails closed."""
        load = self._LOADS[name]
        for key, value in rows:
            try:
                load(self, key, value)
            except StoreDamaged as error:
                self._known.remarks.append(f"{error} Not even its key can be read, and it is left alone.")

    def marks(self, floor: bytes | None, running: bytes | None) -> None:
        """Take back up to when claims were forgotten, and for how long this node ran; before the claims, too."""
        if floor is not None:
            try:
                self._known.registry.floor = records.read_floor(floor)
            except StoreDamaged:
                self._known.remarks.append("Up to when claims were forgotten can't be read; don't set the clock back.")
        if running is not None:
            with suppress(StoreDamaged):  # the claims say how far it was at least
                self._known.holds.running = max(1.0, float(records.read_running(running)))

    def _revoked(self, key: bytes, value: bytes) -> None:
        try:
            self._known.registry.merge(claim_rows.read_revocation(key, value, self._known.network))
        except StoreDamaged:
            owner = claim_rows.read_owner(key)
            self._known.registry.bar(owner)
            self._known.remarks.append(
                f"The revocation of {owner} can't be read. Nothing of that owner is believed; a peer may tell it again."
            )

    def _last_word(self, key: bytes, value: bytes) -> None:
        try:
            claim = claim_rows.read_last_word(key, value, self._known.network)
        except StoreDamaged:  # a peer may tell it again; in which era its owner speaks, nothing else says
            self._known.record(claim_rows.put_last_word(key, None))
            self._known.remarks.append(
                f"In which era {claim_rows.read_owner(key).short} speaks can't be read; a peer may tell it again."
            )
            return
        if self._known.registry.is_revoked(claim.owner) or (claim.level or 0) < self._known.levels.difficulty.bits:
            self._known.record(claim_rows.put_last_word(key, None))
        else:
            self._known.registry.reload(claim)

    def _deposit(self, key: bytes, value: bytes) -> None:
        try:
            self._deposited.append(claim_rows.read_deposit(key, value))
        except StoreDamaged:  # somebody will deposit it again
            self._known.record(Change(claim_rows.DEPOSITS, key, None))

    def _made(self, key: bytes, value: bytes) -> None:
        with suppress(StoreDamaged):  # another name is made then
            self._known.made.load(*records.read_made(key, value))

    def _pin(self, key: bytes, value: bytes) -> None:
        try:
            self._known.bindings.load_pin(records.read_pin(key, value))
        except StoreDamaged:
            name = records.read_name(key)
            self._known.bindings.lost[name] = "pin"
            self._known.remarks.append(
                f"The pin of {name} can't be read; `beam pin {name} OWNER`, or `beam unpin {name}`."
            )

    def _petname(self, key: bytes, value: bytes) -> None:
        try:
            self._known.bindings.load_petname(*records.read_petname(key, value))
        except StoreDamaged:
            petname = records.read_name(key)
            self._known.bindings.lost[petname] = "petname"
            self._known.remarks.append(
                f"What the petname {petname} stands for can't be read; `beam petname {petname} NAME.OWNER`, or "
                f"`beam petname --forget {petname}`."
            )

    def _own(self, key: bytes, value: bytes) -> None:
        try:
            own = records.read_own(key, value)
        except StoreDamaged:
            self._unsure[records.read_name(key)] = None
            return
        if own.owner is None:
            self._unsure[own.name] = own
        elif own.owner == self._known.owner:
            self._known.own.load(own)
        else:
            self._known.remarks.append(
                f"{own.name} was registered by {own.owner}, whose key is not here, and is not renewed; put that key "
                f"back, or have the present owner claim it with `beam register {own.name}`."
            )

    def entry(self, key: bytes, value: bytes) -> None:
        """Take back a row of the table of claims; raise `StoreDamaged`."""
        known, registry = self._known, self._known.registry
        entry, seen = claim_rows.read_entry(key, value, known.network)
        bits = known.levels.difficulty.bits
        if bits and entry.level < bits and entry.owner != known.owner:
            # From a time when the network asked for less: nobody else takes it, and its owner tells a better one.
            known.record(claim_rows.drop_entry(entry.name, entry.owner))
        elif registry.restore(entry) or self._merged(entry):
            known.holds.load(entry.label, entry.owner, seen)
            known.lodge(entry.claim, Lodging.KEPT)
        else:
            known.record(claim_rows.drop_entry(entry.name, entry.owner))

    def _merged(self, entry: Entry) -> bool:
        """Take back an entry that the registry must think about; whether anything of it is in there."""
        registry = self._known.registry
        for ended in registry.ended_by(entry.claim):  # an older program kept claims of several eras
            self._known.drop((ended.name, ended.owner))
        registry.merge_all(entry.claims)
        return registry.entry(entry.name, entry.owner) is not None

    def finish(self) -> None:
        """After the claims: a name of which it is not sure whose it is, is held if this owner is seen to claim it."""
        for hold in self._deposited:
            if self._known.registry.entry(*hold) is None:
                self._known.record(claim_rows.drop_deposit(*hold))
            else:
                self._known.deposits.load(hold)
        for name, own in self._unsure.items():
            entry = self._known.registry.entry(name, self._known.owner)
            if entry is None or entry.claim.kind is not Kind.LIVE:
                self._known.remarks.append(
                    f"{name} was registered here, but by whom can't be read; claim it with `beam register {name}`."
                )
                continue
            since = own.since if own else self._known.seen(entry.claim).first
            mine = Own(name, since, self._known.owner, contest=own.contest if own else False)
            self._known.own.load(mine)
            self._known.record(records.put_own(mine))
        self._unsure = {}
        for name in tuple(self._known.own):
            self._known.own.reconsider(name)

    _LOADS: ClassVar[Mapping[str, Callable[["Loading", bytes, bytes], None]]] = {
        claim_rows.REVOKED: _revoked,
        claim_rows.LAST: _last_word,
        claim_rows.DEPOSITS: _deposit,
        records.OWN: _own,
        records.PINS: _pin,
        records.PETNAMES: _petname,
        records.MADE: _made,
    }
    TABLES: Final = tuple(_LOADS)
    """What is taken back before the claims, in this order."""
