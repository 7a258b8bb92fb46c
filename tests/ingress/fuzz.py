"""Fuzz entry points of the ingress room: any bytes in, no exception out but the documented one."""

import dnslib

from beam_actors.errors import RemoteProtocolError
from beam_actors.ingress.answers import Located, Responder, udp_limit
from beam_actors.ingress.framing import Deframer
from beam_actors.ingress.heads import BadHead, HeadReader
from beam_actors.ingress.mdns import read_answer
from beam_actors.ingress.questions import MAX_QUESTION, Refusal, read_question
from beam_actors.ingress.zone import Spot, Zone

RESPONDER = Responder(Zone(("local", "localhost")), "127.0.0.1")
HEAD_OF_AN_ANSWER = bytes.fromhex("123484000000000100000000") + b"\x07printer\x05local\0" + bytes.fromhex("00018001")
LOCATED = Located("127.77.3.4", ("owner=" + "a" * 52, *(f"peer=12D3KooW{n:044}" for n in range(4))))


def fuzz_mdns_response(data: bytes) -> None:
    for likely in (data, HEAD_OF_AN_ANSWER + data):
        found = read_answer(likely)
        assert found is None or found.label == found.label.lower()


def fuzz_dns_question(data: bytes) -> None:
    question = read_question(data)
    if question is None:
        assert len(data) < 12 or data[2] & 0x80
        return
    if isinstance(question, Refusal):
        replies = [question.pack()]
        assert replies[0][:2] == data[:2]
        assert len(replies[0]) == 12
        return
    limit = udp_limit(question)
    answer = RESPONDER.immediate(question, limit)
    if isinstance(answer, Spot):
        replies = [
            RESPONDER.found(question, LOCATED, limit),
            RESPONDER.absent(question, limit),
            RESPONDER.failed(question, limit),
        ]
    else:
        replies = [answer]
    end = 12 + sum(len(label) + 1 for label in question.labels) + 1 + 4
    for reply in replies:
        assert reply[:2] == data[:2]
        assert reply[2] & 0x80
        assert reply[12:end] == data[12:end]  # the question, byte for byte
        assert len(reply) <= limit
        if all(_is_utf8(label) for label in question.labels):  # dnslib reads no others
            dnslib.DNSRecord.parse(reply)


def _is_utf8(label: bytes) -> bool:
    try:
        label.decode()
    except UnicodeDecodeError:
        return False
    return True


def fuzz_dns_framing(data: bytes) -> None:
    whole, piecewise = Deframer(MAX_QUESTION), Deframer(MAX_QUESTION)
    outcomes = []
    for deframer, chunks in ((whole, [data]), (piecewise, [data[i : i + 1] for i in range(len(data))])):
        messages: list[bytes] = []
        failed = False
        try:
            for chunk in chunks:
                messages += deframer.receive(chunk)
        except RemoteProtocolError:
            failed = True
        outcomes.append((messages if not failed else None, failed))
    assert outcomes[0] == outcomes[1]


def fuzz_request_head(data: bytes) -> None:
    outcomes = []
    for size in (len(data) or 1, 1):
        reader = HeadReader(max_bytes=2048, max_fields=20)
        outcome: object = None
        try:
            for start in range(0, len(data), size):
                outcome = reader.feed(data[start : start + size])
                if outcome is not None:
                    break
        except BadHead as error:
            outcome = f"bad: {error.status}"
        outcomes.append(outcome)
        assert len(reader.received) <= len(data)
    assert outcomes[0] == outcomes[1]  # how the bytes were cut into reads makes no difference
