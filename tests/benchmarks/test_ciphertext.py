import random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.wire import AES, CHACHA
from benchmarks.ciphertext import (
    MAX_CLEAR,
    MAX_HANDSHAKE,
    PIECE,
    TAG,
    Malformed,
    dissect,
    examine,
    fragments,
    most,
)
from tests.wire.support import ECHO, Line

PATTERN = b"a line to be known again; "
SIZE = 1 << 20
PAYLOAD = (PATTERN * (SIZE // len(PATTERN) + 1))[:SIZE]
PIECES, WORDS = fragments(PATTERN), [b"recorded-name"]
OPENING = b"\x13/multistream/1.0.0\n\x12/beam/noise-aes/1\n"
FULL = 65519


def message(body):
    return len(body).to_bytes(2, "big") + body


def session(sizes, seed=1, opening=OPENING, handshake=(32, 184)):
    """What a session looks like whose Noise messages carry so many bytes of plaintext each."""
    noise = random.Random(seed)
    return opening + b"".join(message(noise.randbytes(size)) for size in (*handshake, *(size + TAG for size in sizes)))


def judge(record, payload=SIZE, returned=SIZE):
    return examine(record, handshakes=2, pieces=PIECES, words=WORDS, payload=payload, returned=returned)


def honest():
    return session([*([FULL] * (SIZE // FULL)), SIZE % FULL + 12 * 17])


def conversation(suite):
    """The bytes of two real sessions, one of which sends the payload to the other."""
    line = Line(suites=(suite,))
    said = {line.alice: bytearray(), line.bob: bytearray()}

    def exchange():
        for sender, record in said.items():
            other = line.other(sender)
            while out := sender.data_to_send(1 << 18):
                record.extend(out)
                line.keep(other, other.receive(bytearray(out)))
            line.keep(sender, sender.take_events())

    for _ in range(3):  # the handshake
        exchange()
    stream, sent = line.alice.open(ECHO), 0
    while sent < SIZE:
        sent += line.alice.send(stream, PAYLOAD[sent:])
        exchange()
    exchange()
    (arrived,) = line.data[line.bob].values()
    assert arrived == PAYLOAD
    return said[line.alice], said[line.bob]


@pytest.mark.parametrize("suite", [AES, CHACHA], ids=["aes", "chacha"])
def test_a_real_session_is_ciphertext_and_no_more_than_it_should_be(suite):
    up, down = conversation(suite)
    verdict = judge(up, returned=0)
    assert verdict.faults == []
    assert SIZE < verdict.carried < verdict.size < verdict.bound
    back = examine(down, handshakes=1, pieces=PIECES, words=WORDS, payload=0, returned=SIZE)
    assert [fault for fault in back.faults if "compressed" not in fault] == []  # too little for zlib to gain nothing


def test_noise_in_the_form_of_a_session_passes():
    verdict = judge(honest())
    assert verdict.faults == []
    assert (verdict.clear, verdict.handshake, verdict.payload) == (len(OPENING), 216, SIZE)


@given(st.integers(0, 8 * len(PATTERN) - 1), st.integers(0, 7), st.integers(0, SIZE - 100))
def test_a_piece_of_the_plaintext_is_found_wherever_and_however_it_is_shifted(begin, shift, where):
    bits = int.from_bytes(PATTERN * 3, "big") >> begin & (1 << 8 * (PIECE + 1)) - 1
    piece = (bits << 8 + shift & (1 << 8 * (PIECE + 3)) - 1).to_bytes(PIECE + 3, "big")
    record = bytes(where % 5000) + piece + bytes(7)
    assert any(each in record for each in PIECES)


@pytest.mark.parametrize("said", [PATTERN, b"Recorded-NAME"])
def test_what_can_be_read_is_told(said):
    record = bytearray(honest())
    record[500_000 : 500_000 + len(said)] = said
    (fault,) = judge(record).faults
    assert "can be read" in fault


def test_a_constant_key_is_no_cipher():
    record = honest()
    masked = OPENING + bytes(byte ^ 0x5A for byte in PAYLOAD)
    faults = judge(record[:300] + message(masked[:FULL]) * 20).faults
    assert any("chi-square" in fault for fault in faults)
    assert any("compressed" in fault for fault in faults)


def test_what_repeats_is_compressed_though_its_bytes_are_spread_well():
    block = bytearray(range(256)) * 64
    random.Random(3).shuffle(block)
    (fault,) = judge(OPENING + message(bytes(32)) + message(bytes(184)) + message(block) * 65).faults
    assert "compressed" in fault


def test_more_bytes_than_framing_explains_are_told():
    (fault,) = judge(session([FULL] * 20)).faults
    assert "passed for a payload" in fault


def test_bytes_that_went_another_way_are_missed():
    (fault,) = judge(session([FULL] * 8)).faults
    assert "went another way" in fault


def test_the_bound_is_what_framing_costs_and_a_little():
    assert most(0, 0) < 20_000
    assert SIZE < most(SIZE, SIZE) < SIZE * 1.03
    assert most(SIZE, 64 * SIZE) - most(SIZE, 0) == 64 * 8 * (18 + 24)


@pytest.mark.parametrize(
    ("change", "told"), [({"clear": MAX_CLEAR + 1}, "in the clear"), ({"handshake": MAX_HANDSHAKE + 1}, "handshake")]
)
def test_what_is_readable_by_all_is_bounded(change, told):
    (fault,) = attrs.evolve(judge(honest()), **change).faults
    assert told in fault


def test_a_line_that_is_not_known_is_no_line():
    with pytest.raises(Malformed):
        dissect(OPENING + b"\x10/secret/detail\n" + bytes(40), 2)


@pytest.mark.parametrize("record", [b"", b"\x13", OPENING, session([]), OPENING + message(b"x" * 10) * 9])
def test_what_has_not_the_form_of_a_session_is_told(record):
    with pytest.raises(Malformed):
        dissect(record, 2)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_session_or_malformed(record):
    try:
        found = dissect(record, 1)
    except Malformed:
        return
    assert len(found.sealed) >= 1


@given(st.integers(0, 200))
def test_a_cut_message_is_left_out(cut):
    whole = session([100, 200])
    assert [len(part) for part in dissect(whole[: len(whole) - 1 - cut], 2).sealed] == [100 + TAG]
