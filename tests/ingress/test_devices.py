"""The actor that asks the LAN, over sockets in memory and a clock that jumps."""

from contextlib import asynccontextmanager

import pytest
import trio
from dnslib import QTYPE, RR, A, DNSHeader, DNSRecord

from beam_actors.errors import AddressNotPermitted
from beam_actors.ingress.devices import Devices
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.mdns import GROUP
from beam_actors.ingress.messages import FindDevice, Forget
from beam_actors.runtime import Actor, receives
from beam_actors.testing.clock import SimClock
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.values import TcpAddress
from tests.ingress.rig import FakeFlow, running

HERE = "192.168.1.5"
PRINTER = TcpAddress("192.168.1.9", 5353)


class Resolver(Actor):
    def __init__(self, forgotten):
        super().__init__()
        self.forgotten = forgotten

    @receives(Forget)
    def on_forget(self, message):
        self.forgotten.append(message.labels)


class Lan:
    """The network of one machine: what it asked is in `asked`, as (label, id)."""

    def __init__(self, *, interfaces=(HERE,), refuse=None, **limits):
        self.flow = FakeFlow(refuse)
        self.clock = SimClock()
        self.interfaces = list(interfaces)
        self.limits = IngressLimits(**limits)
        self.forgotten = []

    @asynccontextmanager
    async def run(self):
        def devices(system):
            return Devices(
                self.flow,
                self.clock,
                SeededEntropy(1),
                resolver=system.ref("node/resolver"),
                interfaces=lambda: self.interfaces,
                limits=self.limits,
            )

        async with running(resolver=lambda _system: Resolver(self.forgotten), devices=devices) as system:
            self.flow.watch(system)
            self.system = system
            yield self

    async def find(self, label, *, patient=False):
        began = trio.current_time()
        found = await self.system.ref("node/devices").ask(FindDevice(label, patient), timeout=30)
        return found, round(trio.current_time() - began, 3)

    @property
    def asked(self):
        packets = [data for socket in self.flow.udp.values() for data, to in socket.sent if to == GROUP]
        records = map(DNSRecord.parse, packets)
        return [(str(one.questions[0].qname).partition(".")[0], one.header.id) for one in records]

    def answer(self, *, ident=None, label="printer", ip="192.168.1.9", ttl=120, sender=PRINTER):
        ident = self.asked[-1][1] if ident is None else ident
        record = RR(f"{label}.local", QTYPE.A, rclass=0x8001, ttl=ttl, rdata=A(ip))
        data = DNSRecord(DNSHeader(id=ident, bitmap=0x8400), rr=[record]).pack()
        next(iter(self.flow.udp.values())).arrive((data, sender))


async def test_a_device_that_answers_is_found_and_kept_for_its_time(autojump_clock):
    async with Lan().run() as lan:

        async def ask():
            assert await lan.find("printer") == ("192.168.1.9", 0.01)

        async with trio.open_nursery() as nursery:
            for _ in range(2):  # they share a question
                nursery.start_soon(ask)
            await trio.sleep(0.01)
            lan.answer()
        assert len(lan.asked) == 1
        assert await lan.find("printer") == ("192.168.1.9", 0)
        await trio.sleep(119)
        assert await lan.find("printer") == ("192.168.1.9", 0)
        await trio.sleep(2)
        assert await lan.find("printer") == (None, 0.05)
        assert lan.forgotten == []


async def test_nobody_answers(autojump_clock):
    async with Lan().run() as lan:
        assert await lan.find("printer") == (None, 0.05)
        assert await lan.find("scanner", patient=True) == (None, 0.3)
        for patient in (False, True):  # the question goes on, but nobody waits longer than the first did
            assert await lan.find("scanner", patient=patient) == (None, 0)
        await trio.sleep(1)
        labels = [label for label, _ in lan.asked]
        assert (labels.count("printer"), labels.count("scanner")) == (2, 2)  # a datagram may be lost
        assert await lan.find("printer") == (None, 0)
        assert len(lan.asked) == 4
        await trio.sleep(61)
        assert await lan.find("printer") == (None, 0.05)


async def test_a_late_answer_voids_what_was_said(autojump_clock):
    async with Lan().run() as lan:
        assert await lan.find("printer") == (None, 0.05)
        await trio.sleep(0.6)
        lan.answer()
        await trio.testing.wait_all_tasks_blocked()
        assert lan.forgotten == [frozenset({"printer"})]
        assert await lan.find("printer") == ("192.168.1.9", 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ident": 1},
        {"label": "scanner"},
        {"ttl": 0},
        {"ip": "127.0.0.1"},
        {"sender": TcpAddress("192.168.1.9", 5354)},
        {"sender": TcpAddress("8.8.8.8", 5353)},
    ],
)
async def test_what_does_not_count(autojump_clock, wrong):
    async with Lan().run() as lan, trio.open_nursery() as nursery:

        async def ask():
            assert await lan.find("printer") == (None, 0.05)

        nursery.start_soon(ask)
        await trio.sleep(0.01)
        lan.answer(**wrong)


async def test_a_machine_without_a_network_waits_for_nothing(autojump_clock):
    async with Lan(interfaces=["fe80::1"]).run() as lan:
        assert await lan.find("printer", patient=True) == (None, 0)
        lan.interfaces[:] = [HERE]
        assert await lan.find("printer", patient=True) == (None, 0.3)  # that nobody could be asked is not kept
        assert [socket.local.ip for socket in lan.flow.udp.values()] == [HERE]
        lan.interfaces[:] = ["10.0.0.7"]
        await lan.find("scanner")
        assert [socket.local.ip for socket in lan.flow.udp.values()] == ["10.0.0.7"]


async def test_an_address_that_refuses_costs_itself_only(autojump_clock):
    async with Lan(interfaces=[HERE, "10.0.0.7"]).run() as lan:
        await lan.find("scanner")
        broken, _whole = lan.flow.udp.values()
        broken.broken = True
        assert await lan.find("printer") == (None, 0.05)
        assert [socket.local.ip for socket in lan.flow.udp.values()] == ["10.0.0.7"]
        assert "printer" in {label for label, _ in lan.asked}
    async with Lan(refuse={0: AddressNotPermitted("No.")}).run() as lan:
        assert await lan.find("printer") == (None, 0)


async def test_what_is_asked_and_kept_is_bounded(autojump_clock):
    async with Lan(lookups=2, devices=2).run() as lan, trio.open_nursery() as nursery:
        for label in ("a", "b"):
            nursery.start_soon(lan.find, label)
            await trio.sleep(0.01)
        assert await lan.find("c") == (None, 0)
        await trio.sleep(2)
        assert {label for label, _ in lan.asked} == {"a", "b"}
        await lan.find("c")
        await trio.sleep(2)
        before = len(lan.asked)
        assert await lan.find("c") == (None, 0)
        assert await lan.find("a") == (None, 0.05)  # the oldest was forgotten
        assert len(lan.asked) > before
    async with Lan(lookups_burst=2, lookups_per_second=1).run() as lan:
        waits = [(await lan.find(label))[1] for label in "abc"]
        assert waits == [0.05, 0.05, 0]
