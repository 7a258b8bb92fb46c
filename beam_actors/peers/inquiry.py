"""The bytes of `/beam/peers/1` (pure): one question "where are these peers", one answer of signed peer records.

A claim says which peer serves a name and nothing of where it is (docs/naming.md); where it is, is said by its own
signed record, which any peer that met it may pass on. Each side sends one canonical CBOR map in a frame of `wire`.
Invariant: nothing is believed here; records are opened, and so verified, by `open_records`.
"""

import attrs

from beam_actors.errors import InvalidValue, RemoteProtocolError
from beam_actors.values import PeerId, Record, encode_record
from beam_actors.wire import MAX_RECORD, PeerRecord, frame, open_record

PROTOCOL = "/beam/peers/1"
VERSION = 1
MAX_PEERS = 16
MAX_QUESTION = 1024
MAX_ANSWER = MAX_PEERS * (MAX_RECORD + 8) + 64
_ID_BYTES = 38


@attrs.frozen(slots=True)
class Question:
    """The peers whose addresses are wanted, at most 16."""

    peers: tuple[PeerId, ...] = attrs.field()

    @peers.validator
    def _check(self, _attribute: object, value: tuple[PeerId, ...]) -> None:
        if not 0 < len(value) <= MAX_PEERS:
            raise InvalidValue(f"A question names 1 to {MAX_PEERS} peers.")


@attrs.frozen(slots=True)
class Locate:
    """To the inquirer: where is the peer? Reply: the addresses of the newest record that is found, empty for none."""

    peer: PeerId


def encode_question(question: Question) -> bytes:
    """The question as it goes on the wire."""
    return frame(encode_record({"v": VERSION, "peers": [peer.multihash for peer in question.peers]}))


def decode_question(body: bytes) -> Question:
    """Read the body of a question; raise `RemoteProtocolError` for anything else."""
    record = _record(body, MAX_QUESTION)
    try:
        found = record.parts("peers", limit=MAX_PEERS, size=_ID_BYTES)
        return Question(tuple(PeerId.from_multihash(item) for item in found))
    except InvalidValue as error:
        raise RemoteProtocolError(f"A question for peers is not acceptable: {error}") from error


def encode_answer(records: tuple[PeerRecord, ...]) -> bytes:
    """The answer as it goes on the wire; it may tell of none."""
    return frame(encode_record({"v": VERSION, "records": [record.envelope for record in records[:MAX_PEERS]]}))


def open_records(body: bytes, asked: Question) -> tuple[PeerRecord, ...]:
    """The verified records of an answer's body, those that were asked for alone.

    Raises:
        RemoteProtocolError: the answer is malformed, or one of its records fails its own checks.
    """
    record = _record(body, MAX_ANSWER)
    try:
        envelopes = record.parts("records", limit=MAX_PEERS, size=MAX_RECORD)
    except InvalidValue as error:
        raise RemoteProtocolError(f"An answer about peers is not acceptable: {error}") from error
    opened = (open_record(envelope) for envelope in envelopes)
    return tuple(found for found in opened if found.peer in asked.peers)


def _record(body: bytes, limit: int) -> Record:
    try:
        record = Record.decode(body, limit=limit)
        version = record.integer("v")
    except InvalidValue as error:
        raise RemoteProtocolError(f"A message about peers is not acceptable: {error}") from error
    if version != VERSION:
        raise RemoteProtocolError(f"The other side speaks version {version} of {PROTOCOL}, not {VERSION}.")
    return record
