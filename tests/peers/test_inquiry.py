import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue, RemoteProtocolError
from beam_actors.identity import PeerKey
from beam_actors.peers.inquiry import Question, decode_question, encode_answer, encode_question, open_records
from beam_actors.values import Multiaddr, encode_record
from beam_actors.wire.peer_record import sign_record
from tests.peers.fuzz_inquiry import fuzz_inquiry
from tests.wire.support import unframed

KEYS = [PeerKey.from_seed(bytes([n]) * 32) for n in range(20)]
ADDRESS = (Multiaddr.parse("/ip4/192.0.2.1/tcp/1"),)


@given(st.lists(st.sampled_from(KEYS), min_size=1, max_size=16, unique_by=id))
def test_a_question_reads_back(keys):
    question = Question(tuple(key.peer_id for key in keys))
    assert decode_question(unframed(encode_question(question))) == question


def test_an_answer_yields_the_records_that_were_asked_for_alone():
    asked = Question((KEYS[0].peer_id, KEYS[1].peer_id))
    records = tuple(sign_record(key, 1, ADDRESS) for key in KEYS[1:4])
    assert open_records(unframed(encode_answer(records)), asked) == records[:1]


def test_a_forged_record_spoils_the_answer():
    asked = Question((KEYS[0].peer_id,))
    forged = sign_record(KEYS[0], 1, ADDRESS).envelope[:-1] + b"\0"
    with pytest.raises(RemoteProtocolError):
        open_records(encode_record({"v": 1, "records": [forged]}), asked)


def test_a_question_has_one_to_sixteen_peers():
    for count in (0, 17):
        with pytest.raises(InvalidValue):
            Question(tuple(key.peer_id for key in KEYS[:count]))
        with pytest.raises(RemoteProtocolError):
            decode_question(encode_record({"v": 1, "peers": [key.peer_id.multihash for key in KEYS[:count]]}))


def test_another_version_is_refused_in_words():
    with pytest.raises(RemoteProtocolError, match="version 2"):
        decode_question(encode_record({"v": 2, "peers": []}))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_protocol_errors(data):
    fuzz_inquiry(data)
