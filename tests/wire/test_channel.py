from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError
from beam_actors.wire import MIN_FLUSH, SessionLimits
from beam_actors.wire.allowance import UNBOUNDED, Allowance
from beam_actors.wire.channel import Channel
from beam_actors.wire.noise import AES, CipherState
from beam_actors.wire.outbox import Outbox

KEY = bytes(range(32))


class End:
    """One end of a channel whose reader takes at most `bite` bytes of each plaintext."""

    def __init__(self, bite=UNBOUNDED):
        self.bite = bite
        self.heard = []
        self.allowance = Allowance(100)
        self.outbox = Outbox(SessionLimits(), lambda _: None)
        self.channel = Channel(CipherState(AES, KEY), CipherState(AES, KEY), self.allowance, self.read)

    def read(self, plaintext):
        taken = bytes(plaintext[: self.bite])
        self.heard.append(taken)
        return len(taken)

    def say(self, *plaintexts):
        """What leaves, with a record for each plaintext."""
        out = b""
        for plaintext in plaintexts:
            self.outbox.plaintext(plaintext)
            out += bytes(self.channel.seal(self.outbox, 1 << 18))
        return out

    def hear(self, data):
        self.channel.receive(memoryview(bytearray(data)))


@given(
    said=st.lists(st.binary(min_size=1, max_size=40), max_size=8),
    cuts=st.lists(st.integers(0, 400)),
    work=st.integers(1, 4),
    bite=st.integers(1, 50),
)
def test_what_was_said_is_read_in_order_however_it_is_cut_and_in_whatever_turns(said, cuts, work, bite):
    end, sealed = End(bite), End().say(*said)
    at = [0, *sorted(min(cut, len(sealed)) for cut in cuts), len(sealed)]
    for start, stop in pairwise(at):
        end.allowance.turn(work)
        end.hear(sealed[start:stop])
        while end.channel.backlog:
            before = len(end.heard)
            end.allowance.turn(work)
            end.channel.resume()
            assert len(end.heard) - before <= work + 1  # what was left of one record, and some more
    assert b"".join(end.heard) == b"".join(said)


def test_nothing_is_opened_before_what_waits_was_read():
    end, sealed = End(2), End().say(b"first", b"second")
    end.hear(sealed)
    assert end.heard == [b"fi"]
    assert end.channel.backlog == 3 + len(End().say(b"second"))
    end.channel.resume()
    assert end.heard == [b"fi", b"rs"]
    end.channel.drop()
    end.channel.resume()
    assert (end.heard, end.channel.backlog) == ([b"fi", b"rs"], 0)


def test_the_next_reader_takes_what_the_first_one_left():
    end, late = End(2), []
    end.hear(End().say(b"first"))
    end.channel.reader = lambda plaintext: late.append(bytes(plaintext)) or len(plaintext)
    end.channel.resume()
    assert late == [b"rst"]


def test_a_record_that_was_changed_breaks_the_channel():
    end, sealed = End(), bytearray(End().say(b"one", b"two"))
    sealed[-1] ^= 1
    with pytest.raises(RemoteProtocolError):
        end.hear(sealed)
    assert end.heard == [b"one"]
    assert end.channel.broken


@given(st.binary(min_size=1, max_size=3000), st.integers(MIN_FLUSH, 700))
def test_no_flush_is_larger_than_its_limit_and_all_of_them_say_everything(data, limit):
    speaker, end = End(), End()
    speaker.outbox.plaintext(data)
    while sealed := speaker.channel.seal(speaker.outbox, limit):
        assert len(sealed) <= limit
        end.hear(sealed)
    assert b"".join(end.heard) == data


def test_who_may_not_speak_says_nothing():
    speaker = End()
    speaker.channel.speaks = False
    assert speaker.say(b"last words") == b""
    assert speaker.channel.records_sent == 0
