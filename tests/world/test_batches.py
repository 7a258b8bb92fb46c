"""Batches beside what the ordinary calls do with the same datagrams, and what the kernel may answer to each."""

import socket
import struct
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.ingress.replies import ReplyTable
from beam_actors.values import TcpAddress
from beam_actors.world import batches, bound
from beam_actors.world.batches import SIZE, Batch
from beam_actors.world.bound import EpollDatagrams
from beam_actors.world.pollable import tcp_address
from tests.world.sockets import LOOPBACK

pytestmark = pytest.mark.skipif(batches.calls() is None, reason="there are no such calls here")
FAMILIES = ("127.0.0.1", "::1")
SIZES = (0, 1, 2, 3, 300, 301, 511, 512, 513, 4096, 5000, 9000)


class NoBooks:
    """A driver that nobody waits for."""

    is_full = False

    def forget(self, pollable):
        """See `Books`."""


@contextmanager
def sockets(ip: str = "127.0.0.1"):
    """A server's socket and two clients' own."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    own, *clients = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(3))
    try:
        for one in (own, *clients):
            one.bind((ip, 0))
            one.setblocking(False)
        yield EpollDatagrams(NoBooks(), own), *clients
    finally:
        for one in (own, *clients):
            one.close()


def arrived(client: socket.socket) -> list[bytes]:
    """What waits there; loopback delivers before the sender's call returns."""
    received = []
    while True:
        try:
            received.append(client.recv(65535))
        except BlockingIOError:
            return received


def one_by_one(server, reply_to, limit=64):
    """The contract of `answer` in the words of the two other methods."""
    for data, sender in server.receive(limit):
        reply = reply_to(data, sender)
        if reply is None:
            yield data, sender
        else:
            server._send_or_lose(reply, sender)


@pytest.mark.parametrize("ip", FAMILIES)
@settings(deadline=None)
@given(
    datagrams=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 5), st.sampled_from(SIZES)), max_size=40),
    replies=st.dictionaries(st.integers(0, 5), st.sampled_from(SIZES)),
    limits=st.lists(st.integers(1, 40), min_size=1, max_size=3),
)
def test_a_batch_is_answered_as_one_datagram_after_the_other(ip, datagrams, replies, limits):
    """Whatever comes, in whatever sizes and from whomever, the same is known and the same comes out."""
    outcomes = []
    with sockets(ip) as (server, a, b):
        stranger = TcpAddress(ip, b.getsockname()[1])
        for answer in (server.answer, lambda *a: one_by_one(server, *a)):
            table = ReplyTable(10)
            for number, size in replies.items():
                for length in SIZES:
                    table.put(bytes([0, 0, number] * length)[:length], b"id" + bytes([number]) * size, "x", 1.0)

            def reply_to(data, sender, table=table):
                return table.get(data, 0.0) if sender != stranger else None

            for number, (who, kind, size) in enumerate(datagrams):
                data = number.to_bytes(2, "big") + bytes([kind] * size)
                (a if who == "a" else b).sendto(data, (ip, server.local.port))
            rest = []
            for limit in (*limits, 64):
                rest += answer(reply_to, limit)
            outcomes.append((rest, arrived(a), arrived(b), table.hits, table.misses))
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0][0]) + len(outcomes[0][1]) == len(datagrams)


@given(st.data())
@settings(deadline=None)
def test_whatever_the_kernel_takes_each_reply_is_sent_once(data):
    """It may take some of them, or none for an error that concerns the first alone."""
    real_receive, real_send = batches.calls()
    refused = []

    def send(fd, at, count, flags):
        taken = data.draw(st.integers(-1, count))
        return taken if taken < 1 else real_send(fd, at, taken, flags)

    with sockets() as (server, client, _):
        batch = Batch(socket.AF_INET, real_receive, send)
        sent = [b"%d" % number for number in range(SIZE)]
        for question in sent:
            client.sendto(question, (server.local.ip, server.local.port))
        unknown = data.draw(st.sets(st.sampled_from(sent)))
        assert batch.receive(server.fd, 64) == SIZE
        rest = batch.answer(
            server.fd,
            SIZE,
            lambda question, _: None if question in unknown else b"re " + question,
            lambda reply, to: refused.append((reply, to)),
        )
        me = TcpAddress(*client.getsockname())
        replies = arrived(client)
    assert rest == [(question, me) for question in sent if question in unknown]
    assert all(to == me for _, to in refused)
    assert sorted(replies + [reply for reply, _ in refused]) == sorted(
        b"re " + question for question in sent if question not in unknown
    )


def test_a_socket_may_be_closed_for_what_comes_out():
    with sockets() as (server, client, _):
        for number in range(SIZE + 2):
            client.sendto(b"%d" % number, (server.local.ip, server.local.port))
        seen = []
        for question, _ in server.answer(lambda question, _: b"known" if question == b"1" else None):
            seen.append(question)
            server.close()
        assert seen == [b"%d" % number for number in range(SIZE) if number != 1]  # these had been read by then
        assert arrived(client) == [b"known"]


def test_replies_that_cannot_be_sent_are_lost_alone():
    with sockets() as (server, client, _):
        for number in range(4):
            client.sendto(b"%d" % number, (server.local.ip, server.local.port))
        replies = {b"0": b"first", b"1": bytes(65_520), b"2": bytes(70_000), b"3": bytes(9000)}  # UDP takes 65,507
        assert list(server.answer(lambda question, _: replies[question])) == []
        assert arrived(client) == [b"first", bytes(9000)]


def test_without_such_calls_it_is_one_datagram_after_the_other(monkeypatch):
    monkeypatch.setattr(bound, "batch_for", lambda _family: None)
    with sockets() as (server, client, _):
        for number in range(3):
            client.sendto(b"%d" % number, (server.local.ip, server.local.port))
        rest = [data for data, _ in server.answer(lambda question, _: b"known" if question == b"1" else None)]
        assert rest == [b"0", b"2"]
        assert arrived(client) == [b"known"]


@pytest.mark.parametrize("missing", [{"platform": "darwin"}, {"maxsize": 2**31 - 1}])
def test_where_the_layout_is_not_known_there_are_none(monkeypatch, missing):
    for name, value in missing.items():
        monkeypatch.setattr(sys, name, value)
    assert batches.calls.__wrapped__() is None


def test_a_link_local_address_is_written_as_the_ordinary_calls_write_it():
    name = struct.pack("=H", socket.AF_INET6) + struct.pack(
        "!HI16s", 53, 7, socket.inet_pton(socket.AF_INET6, "fe80::1")
    )
    assert batches._address(name + struct.pack("=I", 2)) == tcp_address(("fe80::1", 53, 7, 2))


class Scripted:
    """A batch of which each look at the socket finds so many datagrams."""

    def __init__(self, found, rest=()):
        self.found, self.rest, self.looks = list(found), list(rest), 0

    def receive(self, _fd, _limit):
        """See `Batch`."""
        self.looks += 1
        return self.found.pop(0) if self.found else -1

    def answer(self, *_):
        """See `Batch`."""
        return self.rest


@pytest.mark.parametrize(
    ("found", "rest", "since", "looks"),
    [
        (
            [1, -1, -1, 1],
            (),
            0.00009,
            24,
        ),  # a lone asker, who was answered just now: 20 more looks after the last answer
        ([1, -1, -1, 1], (), 0.00011, 2),
        ([2, -1, 1], (), 0.0, 2),  # several are served in turns of the pump
        ([1, -1, 1], [(b"x", LOOPBACK)], 0.0, 2),  # and so is what nobody knows
        ([], (), 0.0, 1),
    ],
)
def test_a_lone_asker_is_waited_for_a_moment(monkeypatch, found, rest, since, looks):
    now = [5.0]
    monkeypatch.setattr(bound, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with sockets() as (server, _, __):
        server._batch = batch = Scripted(found, rest)
        server._answered_at = 5.0 - since
        list(server.answer(lambda *_: None))
        assert batch.looks == looks
        batch.found, batch.looks = [1] * 50, 0
        now[0] = 6.0
        list(server.answer(lambda *_: None, 50))
        assert batch.looks == 50  # never more than the limit


def test_a_lone_asker_holds_no_turn_for_long(monkeypatch):
    now = iter([5.0, 5.00003, 5.00007, 6.0])
    monkeypatch.setattr(bound, "time", SimpleNamespace(monotonic=lambda: next(now)))
    with sockets() as (server, _, __):
        server._batch = batch = Scripted([1, 1, -1, 1])
        server._answered_at = 5.0
        list(server.answer(lambda *_: None))
        assert batch.looks == 3


def test_buffers_are_made_for_whoever_answers_alone():
    with sockets() as (server, _, __):
        list(server.receive())
        assert server._batch is None
        list(server.answer(lambda *_: None))
        assert server._batch is not None
