import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import LocalProtocolError, RemoteProtocolError
from beam_actors.ingress.framing import Deframer, frame


@given(st.lists(st.binary(max_size=100)), st.integers(1, 50))
def test_messages_come_out_as_they_went_in(messages, size):
    data = b"".join(frame(message) for message in messages)
    deframer = Deframer(100)
    out = [message for at in range(0, len(data), size) for message in deframer.receive(data[at : at + size])]
    assert out == messages
    assert not deframer.pending


def test_a_long_message_is_refused_before_it_is_held():
    deframer = Deframer(100)
    assert deframer.receive(b"\0") == []
    assert deframer.pending
    with pytest.raises(RemoteProtocolError, match="101"):
        deframer.receive(b"\x65")


def test_a_reply_that_cannot_be_framed_is_a_bug_here():
    with pytest.raises(LocalProtocolError):
        frame(bytes(65536))
