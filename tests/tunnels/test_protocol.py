import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError
from beam_actors.tunnels.protocol import (
    Answer,
    Request,
    Status,
    UnsupportedVersion,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)
from beam_actors.values import Name
from tests.tunnels.fuzz import fuzz_tunnel_messages
from tests.wire.support import unframed

names = st.none() | st.sampled_from(["byronwade", "a1", "x" * 40]).map(Name)
requests = st.builds(Request, name=names, port=st.integers(1, 65535), client=st.text(max_size=80))
answers = st.builds(Answer, status=st.sampled_from(Status), message=st.text(max_size=300))


@given(requests)
def test_a_request_survives_the_wire(request):
    assert decode_request(unframed(encode_request(request))) == request


@given(answers)
def test_an_answer_survives_the_wire(answer):
    assert decode_answer(unframed(encode_answer(answer))) == answer


def test_the_bytes_of_version_1_are_these():
    request = Request(name=Name("byronwade"), port=80, client="https")
    assert encode_request(request).hex() == (
        "27" "a4" "617601" "646e616d65" "696279726f6e77616465" "64706f7274" "1850" "66636c69656e74" "656874747073"
    )  # fmt: skip
    assert encode_answer(Answer(status=Status.OK)).hex() == (
        "17" "a3" "617601" "66737461747573" "626f6b" "676d657373616765" "60"
    )  # fmt: skip


@given(st.binary(max_size=300))
def test_any_bytes_end_in_a_message_or_a_protocol_error(data):
    fuzz_tunnel_messages(data)


@given(requests, st.data())
def test_a_flipped_request_ends_in_a_request_or_a_protocol_error(request, data):
    raw = bytearray(unframed(encode_request(request)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    fuzz_tunnel_messages(bytes(raw))


@pytest.mark.parametrize(
    "fields",
    [
        {"v": 1, "name": "", "port": 0, "client": ""},
        {"v": 1, "name": "", "port": 65536, "client": ""},
        {"v": 1, "name": "", "port": True, "client": ""},
        {"v": 1, "name": "localhost", "port": 80, "client": ""},
        {"v": 1, "name": "UPPER", "port": 80, "client": ""},
        {"v": 1, "name": "a\nb", "port": 80, "client": ""},
        {"v": 1, "name": "", "port": 80, "client": "x" * 65},
        {"v": 1, "name": "", "port": 80, "client": "\x1b[2J"},
        {"v": 1, "port": 80, "client": ""},
        {"name": "", "port": 80, "client": ""},
    ],
)
def test_a_request_with_a_bad_field_is_refused(fields):
    with pytest.raises(RemoteProtocolError):
        decode_request(cbor2.dumps(fields, canonical=True))


def test_a_request_has_one_spelling():
    fields = {"port": 80, "client": "", "name": "", "v": 1}
    assert cbor2.dumps(fields) != cbor2.dumps(fields, canonical=True)
    with pytest.raises(RemoteProtocolError):
        decode_request(cbor2.dumps(fields))


def test_another_version_is_told_apart_so_that_it_can_be_answered_in_words():
    with pytest.raises(UnsupportedVersion, match="version 2"):
        decode_request(cbor2.dumps({"v": 2, "anything": [1]}, canonical=True))


def test_a_status_of_a_later_version_reads_as_a_failure():
    body = cbor2.dumps({"v": 1, "status": "asleep", "message": "later"}, canonical=True)
    assert decode_answer(body) == Answer(status=Status.FAILED, message="later")


def test_what_another_machine_says_cannot_steer_a_terminal():
    assert Answer(status=Status.REFUSED, message="\x1b[31mno\n").message == " [31mno "
