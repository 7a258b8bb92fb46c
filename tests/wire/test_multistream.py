import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import LocalProtocolError, RemoteProtocolError
from beam_actors.wire.multistream import HEADER, MAX_MESSAGE, MAX_PROPOSALS, Listener, Proposer, encode_message

HEAD = bytes.fromhex("132f6d756c746973747265616d2f312e302e300a")
NOISE = bytes.fromhex("072f6e6f6973650a")
NA = bytes.fromhex("036e610a")


def test_messages_are_the_bytes_of_the_specification():
    assert encode_message(HEADER) == HEAD
    assert encode_message("/noise") == NOISE
    assert encode_message("/yamux/1.0.0").hex() == "0d2f79616d75782f312e302e300a"


def test_a_listener_reads_header_proposal_and_leaves_the_payload():
    listener = Listener("/noise".__eq__)
    assert listener.receive(HEAD + NOISE + b"payload") == (28, HEAD + NOISE)
    assert listener.chosen == "/noise"
    assert listener.receive(b"more") == (0, b"")


def test_a_listener_declines_until_it_is_offered_something():
    listener = Listener("/noise".__eq__)
    assert listener.receive(HEAD + encode_message("/tls/1.0.0")) == (32, HEAD + NA)
    assert listener.receive(NOISE) == (8, NOISE)


def test_a_proposer_takes_its_next_choice():
    proposer = Proposer(("/beam/noise-aes/1", "/noise"))
    assert proposer.opening == HEAD + encode_message("/beam/noise-aes/1")
    assert proposer.receive(HEAD + NA) == (24, NOISE)
    assert proposer.receive(NOISE + b"rest") == (8, b"")
    assert proposer.chosen == "/noise"


def test_a_proposer_without_choices_left_is_declined():
    proposer = Proposer(("/noise",))
    assert proposer.receive(HEAD + NA + b"rest") == (24, b"")
    assert proposer.declined
    assert proposer.chosen is None


@given(st.binary(max_size=40), st.data())
def test_cuts_change_nothing(payload, data):
    stream = HEAD + encode_message("/x") * 3 + NOISE + payload
    listener, replies, left = Listener("/noise".__eq__), b"", b""
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        chunk, stream = stream[:size], stream[size:]
        used, reply = listener.receive(chunk)
        replies += reply
        left += chunk[used:]
    assert (listener.chosen, replies, left) == ("/noise", HEAD + NA * 3 + NOISE, payload)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",  # no newline
        b"\x05/abcd",  # another last byte
        b"\x81\x08" + b"a" * 1025,  # too long
        b"\xff\xff\xff",  # a length that never ends
        b"\x80\x00",  # not minimal
        b"\x02\xff\n",  # not UTF-8
        NOISE,  # no header
    ],
)
def test_wrong_bytes_for_both_ends(data):
    for end in (Proposer(("/noise",)), Listener(lambda _: True)):
        with pytest.raises(RemoteProtocolError):
            end.receive(data)


def test_an_answer_that_was_not_proposed():
    with pytest.raises(RemoteProtocolError):
        Proposer(("/noise",)).receive(HEAD + encode_message("/tls/1.0.0"))


def test_proposals_are_bounded():
    listener = Listener(lambda _: False)
    listener.receive(HEAD + encode_message("/x") * MAX_PROPOSALS)
    with pytest.raises(RemoteProtocolError):
        listener.receive(encode_message("/x"))


def test_the_longest_message():
    name = "/" + "x" * (MAX_MESSAGE - 2)
    listener = Listener(name.__eq__)
    listener.receive(HEAD + encode_message(name))
    assert listener.chosen == name


@pytest.mark.parametrize("name", ["", "a\nb", "x" * MAX_MESSAGE])
def test_names_that_no_peer_could_read(name):
    with pytest.raises(LocalProtocolError):
        encode_message(name)


@pytest.mark.parametrize("behind", [b"\x03\xff\xfe\n", b"\x00", b"\x81\x08" + b"a" * 1024 + b"\n", b"\x02ab"])
def test_a_wrong_proposal_right_behind_the_header(behind):
    with pytest.raises(RemoteProtocolError):
        Listener(lambda _name: True).receive(encode_message(HEADER) + behind)


def test_a_proposal_that_is_not_served_right_behind_the_header_may_be_followed_by_another():
    listener = Listener({"/b"}.__contains__)
    opening = encode_message(HEADER) + encode_message("/a")
    assert listener.receive(opening) == (len(opening), encode_message(HEADER) + encode_message("na"))
    assert listener.receive(encode_message("/b") + b"payload") == (4, encode_message("/b"))
    assert listener.chosen == "/b"
