"""The address book: where peers were or said they are (pure; the manager owns one and keeps it in the store).

Invariants: bounded in peers and in addresses of each; a peer that only came never pushes out one that this node went
to; the address that worked last stands before one that was only claimed, unless its peer claims it no longer, and no
claim pushes it out; kept peers (bootstrap) are never forgotten; of the addresses that a peer claims only those are
taken that `claims` finds acceptable.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import chain, zip_longest

import attrs

from beam_actors.errors import InvalidValue
from beam_actors.peers.claims import Contact, acceptable
from beam_actors.values import Multiaddr, PeerId, Record, encode_record

TABLE = "peers"
VERSION = 1
MAX_BYTES = 16 * 1024
_MAX_ADDRESS = 512


@attrs.frozen(slots=True, kw_only=True)
class Entry:
    """What is remembered of one peer. Addresses are best first and carry no `/p2p/`."""

    proven: tuple[Multiaddr, ...] = ()
    """Addresses that a person gave or at which the peer was found."""
    claimed: tuple[Multiaddr, ...] = ()
    """Addresses that the peer said it listens on."""
    kept: bool = False
    """Whether it is dialled for ever."""
    seen: float = 0.0
    """When it was last met or entered, in seconds of the wall clock."""
    moved: bool = False
    """Whether it said that it listens at the first of `proven` and says so no longer; forgotten by a restart."""

    @property
    def chosen(self) -> bool:
        """Whether this node went to it of its own accord, which no stranger can bring about."""
        return self.kept or bool(self.proven)

    @property
    def addresses(self) -> tuple[Multiaddr, ...]:
        """All of them, in the order in which to try.

        Where it was found last comes first, unless it moved; then what it says and where it was before, in turns, since
        either may be many that lead nowhere.
        """
        first = 0 if self.moved else 1
        in_turns = chain.from_iterable(zip_longest(self.claimed, self.proven[first:]))
        return tuple(dict.fromkeys(item for item in (*self.proven[:first], *in_turns) if item is not None))


def encode_entry(entry: Entry) -> bytes:
    """The record of an entry in the store."""
    return encode_record(
        {
            "v": VERSION,
            "proven": [item.to_bytes() for item in entry.proven],
            "claimed": [item.to_bytes() for item in entry.claimed],
            "kept": entry.kept,
            "seen": max(0, int(entry.seen)),  # a clock may stand before 1970
        }
    )


def decode_entry(data: bytes) -> Entry:
    """Read what `encode_entry` wrote; raise `InvalidValue` for anything else, also for a newer version."""
    record = Record.decode(data, limit=MAX_BYTES)
    record.integer("v", least=VERSION, most=VERSION)
    return Entry(
        proven=tuple(map(Multiaddr.from_bytes, record.parts("proven", limit=64, size=_MAX_ADDRESS))),
        claimed=tuple(map(Multiaddr.from_bytes, record.parts("claimed", limit=64, size=_MAX_ADDRESS))),
        kept=record.flag("kept"),
        seen=float(record.integer("seen")),
    )


class AddressBook:
    """Entries by peer; every change returns the peers whose stored record must be rewritten or removed."""

    def __init__(self, *, peers: int, addresses: int) -> None:
        self._entries: dict[PeerId, Entry] = {}
        self._peers = peers
        self._addresses = addresses

    def __repr__(self) -> str:
        return f"AddressBook({len(self._entries)} peers)"

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, peer: PeerId) -> Entry | None:
        """What is known of the peer."""
        return self._entries.get(peer)

    def chosen(self, peer: PeerId) -> bool:
        """Whether this node went to the peer of its own accord."""
        entry = self._entries.get(peer)
        return entry is not None and entry.chosen

    @property
    def kept(self) -> tuple[PeerId, ...]:
        """The peers that are dialled for ever, in the order of their ids."""
        return tuple(sorted(peer for peer, entry in self._entries.items() if entry.kept))

    def load(self, entries: Mapping[PeerId, Entry]) -> None:
        """Take over what the store holds, within the bounds."""
        self._entries = dict(entries)
        self._forget()

    def proved(self, peer: PeerId, address: Multiaddr, now: float) -> set[PeerId]:
        """The peer was found at the address, or a person said so: try it first from now on."""
        entry = self._entries.get(peer, Entry())
        address = address.without_peer
        proven = (address, *(item for item in entry.proven if item != address))[: self._addresses]
        return self._put(peer, attrs.evolve(entry, proven=proven, seen=now, moved=False))

    def claims(
        self,
        peer: PeerId,
        addresses: Iterable[Multiaddr],
        contact: Contact,
        now: float,
        *,
        ours: Collection[Multiaddr] = (),
    ) -> set[PeerId]:
        """The peer, authenticated, says that it listens there; its newest list replaces the one before.

        `contact` is how it was met, and `ours` where this node listens as it sees us.
        """
        entry = self._entries.get(peer, Entry())
        fresh: list[Multiaddr] = []
        for item in addresses:
            if len(fresh) == self._addresses:
                break
            if item.peer not in {None, peer} or not acceptable(item, contact, ours):
                continue
            bare = item.without_peer
            if bare not in fresh:
                fresh.append(bare)
        found = entry.proven[0] if entry.proven else None
        moved = found not in fresh and (entry.moved or found in entry.claimed)
        return self._put(peer, attrs.evolve(entry, claimed=tuple(fresh), seen=now, moved=moved))

    def keep(self, peer: PeerId, address: Multiaddr | None, now: float) -> set[PeerId]:
        """Dial the peer for ever; a bootstrap peer is given with its address."""
        changed = self.proved(peer, address, now) if address is not None else set()
        entry = self._entries.get(peer, Entry(seen=now))
        return changed | self._put(peer, attrs.evolve(entry, kept=True))

    def release(self, peer: PeerId) -> set[PeerId]:
        """Dial the peer only when it is wanted; where it is found stays known."""
        entry = self._entries.get(peer)
        return set() if entry is None else self._put(peer, attrs.evolve(entry, kept=False))

    def _put(self, peer: PeerId, entry: Entry) -> set[PeerId]:
        if self._entries.get(peer) == entry:
            return set()
        self._entries[peer] = entry
        return {peer} | self._forget()

    def _forget(self) -> set[PeerId]:
        spare = len(self._entries) - self._peers
        if spare <= 0:
            return set()
        # Whoever only came is forgotten first: else ever new keys would push out the peers of this machine's people.
        candidates = sorted((entry.chosen, entry.seen, peer) for peer, entry in self._entries.items() if not entry.kept)
        forgotten = {peer for *_, peer in candidates[:spare]}
        for peer in forgotten:
            del self._entries[peer]
        return forgotten


def parse_bootstrap(address: Multiaddr) -> tuple[PeerId, Multiaddr]:
    """Split an address that a person gave into whom and where; raise `InvalidValue` saying what it lacks."""
    peer = address.peer
    if peer is None:
        raise InvalidValue(
            f"{address} does not say which peer to expect there: end it with /p2p/ and the peer's id, as the `id` "
            "command of that machine prints it."
        )
    if address.tcp is None:
        raise InvalidValue(f"{address} cannot be dialled: use /ip4/…/tcp/…/p2p/… or /ip6/…/tcp/…/p2p/….")
    return peer, address.without_peer
