"""Who comes first when there is no room for all (pure).

Invariant: the order is one and the same for every quota and everybody, and no time or order of arrival is in it.
"""

from hashlib import blake2b
from typing import Protocol

Place = tuple[int, bytes]
"""Where a hold stands among others: the lesser is before the greater."""


class Hold(Protocol):
    """What is known of one owner's hold on one name."""

    @property
    def label(self) -> str:
        """The name."""

    @property
    def owner_digest(self) -> bytes:
        """Whose it is."""

    @property
    def level(self) -> int | None:
        """What the work for it is worth."""


def place_of(held: Hold) -> Place:
    """More work comes first, then a lesser hash: who grinds keys for it does the work for each of them, too."""
    subject = held.label.encode() + b"\0" + held.owner_digest
    return -(held.level or 0), blake2b(subject, digest_size=16, person=b"beam-quota-1").digest()
