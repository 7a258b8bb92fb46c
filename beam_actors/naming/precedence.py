"""Who comes first when there is no room for all (pure).

Invariant: the order is one and the same for every quota and everybody, and no time or order of arrival is in it.
"""

from hashlib import blake2b

from beam_actors.naming.entry import Held

Place = tuple[int, bytes]
"""Where a hold stands among others: the lesser is before the greater."""


def place_of(held: Held) -> Place:
    """More work comes first, then a lesser hash: who grinds keys for it does the work for each of them, too."""
    subject = held.label.encode() + b"\0" + held.owner_digest
    return -(held.level or 0), blake2b(subject, digest_size=16, person=b"beam-quota-1").digest()
