"""How fast others are answered: each peer, each network, and all."""

import pytest
import trio

from beam_actors.peers import Fate, KadLimits, Kept
from beam_actors.peers.kad.answers import Answers, Nowhere
from beam_actors.peers.kad.messages import MAX_MESSAGE, MAX_STORED, Refuse, Store, Stored, What, decode, encode
from beam_actors.testing.clock import SimClock
from beam_actors.values import TcpAddress
from beam_actors.wire import FrameReader
from tests.peers.kad.nodes import node_of

LIMITS = KadLimits()


KEY = bytes(32)


class Line:
    """A stream on which one question comes, from an address or from none."""

    def __init__(self, question, remote):
        self.remote = remote
        self._question = question
        self._said = b""

    async def read(self, limit):
        await trio.lowlevel.checkpoint()
        piece, self._question = self._question[:limit], self._question[limit:]
        return piece

    async def write(self, data):
        await trio.lowlevel.checkpoint()
        self._said += data

    def close(self):
        pass

    def abort(self):
        self._said = b""

    def said(self):
        reader = FrameReader(MAX_MESSAGE)
        reader.feed(self._said)
        return decode(reader.next())


def answering(custodian, now=lambda: 0.0):
    return Answers(
        nearest=lambda _key, _asker: [],
        is_near=lambda _key: True,
        own=lambda _stream: None,
        custodian=custodian,
        clock=SimClock(now=now),
        limits=LIMITS,
    )


@pytest.fixture
def answers():
    return answering(Nowhere())


def taken(answers, remotes):
    """How many of these are answered at one moment, each of a peer of its own, and each at once."""
    count = 0
    for number, remote in enumerate(remotes):
        if answers.take(peer := node_of(number).peer, remote):
            count += 1
            del answers._under_way[peer]
    return count


@pytest.mark.parametrize(
    ("near", "far"),
    [
        ([f"203.0.113.{number}" for number in range(250)], "198.51.100.1"),
        ([f"2001:678:{number:x}::1" for number in range(250)], "2001:67c::1"),
        (["10.0.0.1"] * 250, "10.0.0.2"),
    ],
)
def test_many_keys_of_one_network_get_the_share_of_one(answers, near, far):
    assert taken(answers, [TcpAddress(ip, 4000) for ip in near]) == 2 * LIMITS.network_finds_per_second
    assert taken(answers, [TcpAddress(far, 4000)] * 10) == 10


def test_who_has_no_address_shares_none_with_others(answers):
    assert taken(answers, [None] * 150) == 150 > 2 * LIMITS.network_finds_per_second
    alone = node_of(900).peer
    assert [answers.take(alone, None) for _ in range(5)] == [True] * LIMITS.answers_per_peer + [False]


@pytest.mark.parametrize(("remote", "elsewhere"), [(TcpAddress("203.0.113.1", 4000), False), (None, True)])
async def test_who_gives_bad_work_owes_for_its_network_if_it_has_one(remote, elsewhere):
    bad = iter([MAX_STORED] * 2 + [0] * 9)

    class Judge(Nowhere):
        async def keep(self, _key, values, _source, *, near):
            return Kept((Fate.REFUSED,) * len(values), next(bad))

    answers = answering(Judge())
    store = encode(Store(What.VALUES, KEY, (b"value",) * MAX_STORED))

    async def said(number):
        peer, stream = node_of(number).peer, Line(store, remote)
        assert answers.take(peer, remote)
        await answers.answer(peer, stream)
        return stream.said()

    assert isinstance(await said(1), Stored)
    assert isinstance(await said(1), Refuse)  # it owes for sixteen, and had sixteen
    assert isinstance(await said(2), Stored)  # its network had a half more
    assert isinstance(await said(3), Stored) is elsewhere
    assert [isinstance(await said(3), Stored) for _ in range(5)].count(True) == 5 * elsewhere


async def test_what_takes_too_long_to_judge_is_paid_for_as_what_is_bad(autojump_clock):
    judged = []

    class Judge(Nowhere):
        async def keep(self, _key, values, _source, *, near):
            judged.append(len(values))
            await trio.sleep(LIMITS.ask_timeout + 1)
            return Kept((Fate.REFUSED,) * len(values), len(values))

    answers, remote = answering(Judge()), TcpAddress("203.0.113.1", 4000)
    store = encode(Store(What.VALUES, KEY, (b"value",) * MAX_STORED))
    for number, times in ((1, 1), (1, 1), (2, 2), (2, 2), (3, 2)):  # the peer owes, and then its network
        assert answers.take(node_of(number).peer, remote)
        await answers.answer(node_of(number).peer, Line(store, remote))
        assert judged == [MAX_STORED] * times


async def test_one_behind_a_nat_who_gives_bad_work_leaves_its_neighbours_a_share():
    """Eight of them give sixteen names under two keys each, some each second; one gives what is bad when it can."""
    now, hostile = 0.0, node_of(99).peer

    class Judge(Nowhere):
        async def keep(self, _key, values, source, *, near):
            return Kept((Fate.REFUSED,) * len(values), MAX_STORED if source == hostile else 0)

    answers = answering(Judge(), lambda: now)
    store = encode(Store(What.VALUES, KEY, (b"value",) * MAX_STORED))

    async def is_heard(peer):
        stream = Line(store, TcpAddress("203.0.113.1", 4000))
        assert answers.take(peer, stream.remote)
        await answers.answer(peer, stream)
        return isinstance(stream.said(), Stored)

    heard = 0
    for second in range(256):
        now = float(second)
        await is_heard(hostile)
        heard += await is_heard(node_of(second % 8).peer)
    assert heard > 200
    assert await is_heard(hostile) + await is_heard(hostile) < 2


def test_all_together_get_what_all_may(answers):
    anywhere = [TcpAddress(f"203.0.{number}.1", 4000) for number in range(256)]
    assert taken(answers, anywhere) == LIMITS.all_finds_per_second
