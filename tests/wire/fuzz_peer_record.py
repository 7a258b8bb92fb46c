"""Fuzz entry point of signed peer records."""

from contextlib import suppress

from beam_actors.errors import RemoteProtocolError
from beam_actors.wire.peer_record import open_record


def fuzz_peer_record(data: bytes) -> None:
    with suppress(RemoteProtocolError):
        open_record(data)
