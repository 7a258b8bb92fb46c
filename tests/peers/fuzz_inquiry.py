"""Fuzz entry point of `/beam/peers/1`."""

from contextlib import suppress

from beam_actors.errors import RemoteProtocolError
from beam_actors.identity import PeerKey
from beam_actors.peers.inquiry import Question, decode_question, open_records

ASKED = Question((PeerKey.from_seed(bytes(32)).peer_id,))


def fuzz_inquiry(data: bytes) -> None:
    with suppress(RemoteProtocolError):
        decode_question(data)
    with suppress(RemoteProtocolError):
        open_records(data, ASKED)
