"""Fuzz entry points of the room: any bytes end in a value that survives the store, or in InvalidValue."""

from contextlib import suppress

from beam_actors.errors import InvalidValue
from beam_actors.peers.book import decode_entry, encode_entry


def fuzz_entry(data: bytes) -> None:
    with suppress(InvalidValue):
        entry = decode_entry(data)
        assert decode_entry(encode_entry(entry)) == entry
