"""Fuzz entry point of `/beam/kad/1`: any bytes give a message that encodes back, or the room's own error."""

from contextlib import suppress

from beam_actors.errors import RemoteProtocolError
from beam_actors.peers.kad import messages
from tests.wire.support import unframed


def fuzz_kad(data: bytes) -> None:
    with suppress(RemoteProtocolError):
        message = messages.decode(data)
        assert unframed(messages.encode(message)) == data
