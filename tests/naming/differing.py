"""Items that two sides may hold, of which each lacks some."""

import hashlib

SALT = bytes(range(16))
MOST = 50_000
"""Items that a side takes in at most."""


def item(number: int) -> bytes:
    """Every eighth is a second claim to the name of the one before it, and some names are close."""
    place = hashlib.sha256(b"%d" % (number - (number % 8 == 7))).digest()[:8]
    if number % 16 == 3:
        place = bytes(6) + place[:2]
    return place + hashlib.sha256(b"claim %d" % number).digest()


ITEMS = tuple(item(number) for number in range(3500))
