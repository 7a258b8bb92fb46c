"""Fuzz entry points of the room: any bytes end in a value that survives its own encoding, or in a declared error."""

from contextlib import suppress

from beam_actors.errors import RemoteProtocolError, UsageError
from beam_actors.tunnels.protocol import (
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)
from beam_actors.tunnels.records import decode_forward, decode_tunnel, encode_forward, encode_tunnel
from tests.wire.support import unframed


def fuzz_tunnel_messages(data: bytes) -> None:
    with suppress(RemoteProtocolError):
        request = decode_request(data)
        assert decode_request(unframed(encode_request(request))) == request
    with suppress(RemoteProtocolError):
        answer = decode_answer(data)
        assert decode_answer(unframed(encode_answer(answer))) == answer


def fuzz_tunnel_records(data: bytes) -> None:
    with suppress(UsageError):
        tunnel = decode_tunnel(data, b"run")
        assert tunnel is None or decode_tunnel(encode_tunnel(tunnel, b"run"), b"run") == tunnel
    with suppress(UsageError):
        forward = decode_forward(data)
        assert decode_forward(encode_forward(forward)) == forward
