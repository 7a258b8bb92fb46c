import dnslib
import pytest
import structlog
import trio
from dnslib import QTYPE, RCODE

from beam_actors.errors import PeerOffline
from beam_actors.ingress.binding import Binding
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.messages import Forget
from beam_actors.runtime import SHUTDOWN
from beam_actors.values import TcpAddress
from tests.ingress.dns_rig import Dns, read
from tests.ingress.rig import OWNER, FakeNames
from tests.ingress.test_questions import ask


async def test_a_name_over_udp(autojump_clock):
    dns = Dns(FakeNames("byronwade"))
    async with dns.run():
        reply = read(await dns.socket.ask(ask("ByronWade.local")))
        assert (str(reply.rr[0].rdata), reply.header.id) == ("127.0.0.1", 0x1234)
        text = read(await dns.socket.ask(ask("byronwade.local", "TXT")))
        assert text.rr[0].rdata.data[0] == f"owner={OWNER}".encode()


async def test_what_needs_no_look_up(autojump_clock):
    dns = Dns(FakeNames())
    async with dns.run():
        assert read(await dns.socket.ask(ask("local", "SOA"))).rr[0].rtype == QTYPE.SOA
        assert read(await dns.socket.ask(ask("example.com"))).header.rcode == RCODE.REFUSED
        assert (await dns.socket.ask(b"\x12\x34\x28\0" + bytes(8)))[3] & 0xF == RCODE.NOTIMP
    assert not dns.names.asked


async def test_a_repeated_question_is_answered_in_the_pump(autojump_clock):
    dns = Dns(FakeNames("a"))
    async with dns.run():
        first = await dns.socket.ask(ask("a.local"))
        other_id = b"\xff\xfe" + ask("a.local")[2:]
        dns.socket.arrive((other_id, TcpAddress("127.0.0.1", 1)))
        assert dns.socket.sent.pop() == (b"\xff\xfe" + first[2:], TcpAddress("127.0.0.1", 1))  # at once
        assert dns.names.asked == ["a"]
        await trio.sleep(10)
        await dns.socket.ask(ask("a.local"))
        assert dns.names.asked == ["a", "a"]


async def test_a_name_that_changed_is_asked_for_anew(autojump_clock):
    dns = Dns(FakeNames("a"))
    async with dns.run() as system:
        await dns.socket.ask(ask("a.local"))
        del dns.names.known["a"]
        system.ref("node/dns").tell(Forget(frozenset("a")))
        await trio.testing.wait_all_tasks_blocked()
        assert read(await dns.socket.ask(ask("a.local"))).header.rcode == RCODE.NXDOMAIN


@pytest.mark.parametrize(
    ("labels", "anew"),
    [(frozenset("a"), True), (None, True), (frozenset("b"), False)],
)
async def test_what_changes_while_it_is_looked_up_is_not_kept(autojump_clock, labels, anew):
    dns = Dns(FakeNames("a", f"a.{OWNER}", delay=1))
    async with dns.run() as system:
        for question in (ask("a.local"), ask(f"a.{OWNER}.local"), ask("a.local", "TXT")):
            dns.socket.arrive((question, TcpAddress("127.0.0.1", 9)))
        await trio.sleep(0.5)
        system.ref("node/dns").tell(Forget(labels))
        await trio.sleep(3)
        assert len(dns.socket.sent) == 3  # each was answered
        before = len(dns.names.asked)
        for question in (ask("a.local"), ask(f"a.{OWNER}.local"), ask("a.local", "TXT")):
            await dns.socket.ask(question)
        assert (len(dns.names.asked) > before) is anew
        asked = len(dns.names.asked)
        await dns.socket.ask(ask("a.local", "TXT"))
        assert len(dns.names.asked) == asked  # and what was looked up since is kept


async def test_no_such_name_is_forgotten_after_a_second(autojump_clock):
    dns = Dns(FakeNames())
    async with dns.run():
        assert read(await dns.socket.ask(ask("new.local"))).header.rcode == RCODE.NXDOMAIN
        await dns.socket.ask(ask("new.local"))
        assert dns.names.asked == ["new"]
        dns.names.known["new"] = FakeNames("new").known["new"]
        await trio.sleep(1)
        assert read(await dns.socket.ask(ask("new.local"))).rr


async def test_a_failure_is_servfail_and_not_kept(autojump_clock):
    dns = Dns(FakeNames(a=PeerOffline("Away.")))
    async with dns.run():
        for _ in range(2):
            assert read(await dns.socket.ask(ask("a.local"))).header.rcode == RCODE.SERVFAIL
    assert dns.names.asked == ["a", "a"]


async def test_a_resolver_that_is_down_is_servfail(autojump_clock):
    dns = Dns(FakeNames("a"))
    async with dns.run() as system:
        await system.ref("node/resolver").stop(SHUTDOWN)
        assert read(await dns.socket.ask(ask("a.local"))).header.rcode == RCODE.SERVFAIL


async def test_questions_with_options_are_not_kept(autojump_clock):
    dns = Dns(FakeNames("a"))
    async with dns.run():
        for cookie in (b"12345678", b"12345678"):
            question = ask("a.local", udp_len=1232, opts=[dnslib.EDNSOption(10, cookie)])
            assert read(await dns.socket.ask(question)).rr
    assert dns.names.asked == ["a", "a"]


@pytest.mark.parametrize(
    ("bound", "client", "answered"),
    [
        ("127.0.0.1", "127.0.0.5", True),
        ("127.0.0.1", "10.0.0.1", False),
        ("172.17.0.1", "172.17.0.2", True),
        ("172.17.0.1", "127.0.0.1", True),
        ("172.17.0.1", "8.8.8.8", False),
    ],
)
async def test_strangers_are_refused(autojump_clock, bound, client, answered):
    dns = Dns(FakeNames("a"), binding=Binding(TcpAddress(bound, 53), fixed=True))
    async with dns.run():
        await dns.socket.ask(ask("a.local"))
        reply = read(await dns.socket.ask(ask("a.local"), TcpAddress(client, 9)))
        assert (reply.header.rcode == RCODE.NOERROR) is answered


async def test_garbage_crashes_nobody(autojump_clock):
    dns = Dns(FakeNames())
    async with dns.run() as system:
        for data in (b"", b"x", bytes(11), b"\xff" * 12, bytes(5000), b"\0\1\0\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"):
            dns.socket.arrive((data, TcpAddress("127.0.0.1", 9)))
        await trio.testing.wait_all_tasks_blocked()
        assert system.ref("node/dns").incarnation == 1
        assert [reply[3] & 0xF for reply, _ in dns.socket.sent] == [RCODE.FORMERR]


async def test_a_reply_that_cannot_be_sent_crashes_nobody(autojump_clock):
    dns = Dns(FakeNames("a"))
    async with dns.run() as system:
        await dns.socket.ask(ask("a.local"))
        dns.socket.broken = True
        for question in ("a.local", "b.local", "local"):
            dns.socket.arrive((ask(question), TcpAddress("127.0.0.1", 0)))
        await trio.testing.wait_all_tasks_blocked()
        assert system.ref("node/dns").incarnation == 1
        dns.socket.broken = False
        assert read(await dns.socket.ask(ask("b.local"))).header.rcode == RCODE.NXDOMAIN


async def test_questions_that_wait_are_bounded(autojump_clock):
    dns = Dns(FakeNames(*"abc", delay=1), limits=IngressLimits(dns_pending=2))
    async with dns.run():
        for name in "abc":
            dns.socket.arrive((ask(f"{name}.local"), TcpAddress("127.0.0.1", 9)))
        await trio.sleep(3)
        assert len(dns.socket.sent) == 2


async def test_a_flood_of_unknown_names_costs_the_found_ones_nothing(autojump_clock):
    dns = Dns(FakeNames("a", "b"), limits=IngressLimits(dns_questions_per_second=10, dns_questions_burst=20))
    client = TcpAddress("127.0.0.1", 9)
    async with dns.run() as system:
        await dns.socket.ask(ask("a.local"))
        dns.socket.sent.clear()
        for number in range(10):
            dns.socket.arrive(*((ask(f"x{number}-{one}.local"), client) for one in range(500)))
            dns.socket.arrive((ask("a.local"), TcpAddress("127.0.0.1", 1000)))
            odd = "".join(letter.upper() if number >> at & 1 else letter for at, letter in enumerate("a.local"))
            dns.socket.arrive((ask(odd), TcpAddress("127.0.0.1", 1000)))  # no kept reply, but a name that was found
            await trio.testing.wait_all_tasks_blocked()
        replies = [read(data) for data, to in dns.socket.sent if to.port == 1000]
        assert len([reply for reply in replies if reply.rr]) == 20
        assert "4981 dropped" in repr(system.cell("node/dns").actor)
        await trio.sleep(1)
        assert read(await dns.socket.ask(ask("b.local"))).rr


async def test_look_ups_that_fail_are_one_line_of_the_log_in_a_period(autojump_clock):
    dns = Dns(FakeNames(a=PeerOffline("Away.")), limits=IngressLimits(dns_report_seconds=60))
    with structlog.testing.capture_logs() as lines:
        async with dns.run() as system:
            for _ in range(10):
                await dns.socket.ask(ask("a.local"))
            assert [line["event"] for line in lines if "look-up" in line["event"]] == ["a look-up failed"]
            await trio.sleep(61)
            assert [line["count"] for line in lines if line["event"] == "more look-ups failed"] == [9]
            await trio.sleep(120)
            assert len([line for line in lines if "look-up" in line["event"]]) == 2  # nothing to say, nothing said
            await dns.socket.ask(ask("a.local"))
            assert [line["event"] for line in lines if "look-up" in line["event"]][2:] == ["a look-up failed"]
            assert "11 failed" in repr(system.cell("node/dns").actor)
