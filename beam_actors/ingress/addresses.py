"""Which loopback address belongs to which name: 127.77.0.0/16, allocated once and remembered.

Invariant: no two names share an address. A name's first choice is a hash of it, so that most names keep their address
even when the store was lost; a hash alone would collide at some 300 names (the birthday bound of 2**16), so the next
free one is taken. Whether another program of this machine has an address (the daemon of another home chooses alike) is
not known here. Pure: the caller stores what `allocate` and `move` report.
"""

import hashlib
import ipaddress
import itertools
from collections.abc import Iterable

import attrs

from beam_actors.ports import Change

TABLE = "ingress.addresses"
NETWORK = ipaddress.IPv4Network("127.77.0.0/16")
_BASE = int(NETWORK.network_address) + 1
_SLOTS = NETWORK.num_addresses - 2  # without those that look like the network's own and its broadcast address


@attrs.frozen(slots=True)
class Allocation:
    """An address for a name, and what must be stored before anybody is told."""

    ip: str
    changes: tuple[Change, ...]


class AddressBook:
    """Names to addresses, at most `capacity` of them; the least recently asked for makes room."""

    def __init__(self, capacity: int) -> None:
        self._capacity = min(capacity, _SLOTS)
        self._slot_of: dict[str, int] = {}  # in the order of use, least recent first
        self._taken: set[int] = set()

    def __len__(self) -> int:
        return len(self._slot_of)

    def __contains__(self, ip: str) -> bool:
        """Whether a name has that address."""
        return _slot(ip) in self._taken

    def __repr__(self) -> str:
        return f"<AddressBook {len(self)} of {self._capacity}>"

    @classmethod
    def load(cls, records: Iterable[tuple[bytes, bytes]], capacity: int) -> "tuple[AddressBook, tuple[Change, ...]]":
        """The book that was stored, and what must be removed from the store: rows that are damaged or share an address.

        Of two names with one address the first keeps it; the other is given one when somebody asks for it again.
        """
        book = cls(capacity)
        damaged: list[Change] = []
        for key, value in records:
            slot = int.from_bytes(value, "big") - _BASE
            if len(value) != 4 or not 0 <= slot < _SLOTS or slot in book._taken or not key.isascii():
                damaged.append(Change(TABLE, key, None))
                continue
            book._slot_of[key.decode("ascii")] = slot
            book._taken.add(slot)
        return book, tuple(damaged)

    def find(self, name: str) -> str | None:
        """The address of a name that has one; counts as use."""
        slot = self._slot_of.pop(name, None)
        if slot is None:
            return None
        self._slot_of[name] = slot
        return _ip(slot)

    def allocate(self, name: str) -> Allocation:
        """The address of the name, found or new."""
        known = self.find(name)
        if known is not None:
            return Allocation(known, ())
        changes: list[Change] = []
        while len(self._slot_of) >= self._capacity:
            loser = next(iter(self._slot_of))
            self._taken.discard(self._slot_of.pop(loser))
            changes.append(Change(TABLE, loser.encode(), None))
        slot = _first_choice(name)
        while slot in self._taken:
            slot = (slot + 1) % _SLOTS
        return self._put(name, slot, changes)

    def others(self, ip: str, number: int) -> list[str]:
        """So many of the next addresses that no name has."""
        slots = ((_slot(ip) + step) % _SLOTS for step in range(1, _SLOTS))
        return [_ip(slot) for slot in itertools.islice((slot for slot in slots if slot not in self._taken), number)]

    def move(self, name: str, ip: str) -> Allocation | None:
        """Give a name that has an address another one; None if a name has that."""
        slot = _slot(ip)
        if slot in self._taken:
            return None
        self._taken.discard(self._slot_of.pop(name))
        return self._put(name, slot, [])

    def _put(self, name: str, slot: int, changes: list[Change]) -> Allocation:
        self._slot_of[name] = slot
        self._taken.add(slot)
        changes.append(Change(TABLE, name.encode(), (slot + _BASE).to_bytes(4, "big")))
        return Allocation(_ip(slot), tuple(changes))


def _first_choice(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") % _SLOTS


def _slot(ip: str) -> int:
    return int(ipaddress.IPv4Address(ip)) - _BASE


def _ip(slot: int) -> str:
    return str(ipaddress.IPv4Address(slot + _BASE))
