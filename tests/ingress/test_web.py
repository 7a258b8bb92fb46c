import pytest
import trio

from beam_actors.errors import AddressInUse, AddressNotPermitted, PeerOffline, StartFailed
from beam_actors.ingress.binding import Binding
from beam_actors.ingress.http import HttpServer
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.messages import Serve, Served, ServerStarted, Unserve, WhereBound
from beam_actors.ingress.zone import Zone
from beam_actors.runtime import Actor, receives
from beam_actors.values import TcpAddress
from tests.ingress.rig import FakeFlow, FakeNames, running
from tests.ingress.streams import FakeTunnels
from tests.ingress.test_heads import get

AT = TcpAddress("127.0.0.1", 8480)


class FakeResolver(Actor):
    def __init__(self, told):
        super().__init__()
        self.told = told

    @receives(ServerStarted)
    def on_started(self, message):
        self.told.append(message.kind)


class Web:
    def __init__(self, tunnels=None, *, flow=None, binding=None, limits=None):
        self.tunnels = tunnels or FakeTunnels()
        self.flow = flow or FakeFlow()
        self.binding = binding or Binding(AT, fixed=False)
        self.limits = limits
        self.told = []

    def run(self):
        def http(system):
            return HttpServer(
                self.flow,
                self.tunnels,
                FakeNames(),
                resolver=system.ref("node/resolver"),
                zone=Zone(("local",)),
                binding=self.binding,
                limits=self.limits,
            )

        return running(resolver=lambda _system: FakeResolver(self.told), http=http)


async def serve(system, ip):
    return await system.ref("node/http").ask(Serve(ip), timeout=1)


async def test_a_connection_is_spliced_and_tagged_with_the_actors_path(autojump_clock):
    web = Web()
    async with web.run():
        client, server = web.flow.connect(AT)
        await client.write(get("Host: a.local"))
        await trio.testing.wait_all_tasks_blocked()
        [(destination, port, kind, near, _)] = web.tunnels.opened
        assert (destination, port, kind) == ("a", 80, "http")
        assert server.spliced_with is near
        assert server.tag == "node/http"


async def test_bad_connections_crash_nobody(autojump_clock):
    web = Web(FakeTunnels({"bug": RuntimeError("a bug"), "away": PeerOffline("")}))
    async with web.run() as system:
        for data in (b"\0" * 100, get("Host: bug.local"), get("Host: away.local"), b""):
            client, server = web.flow.connect(AT)
            await client.write(data)
            await client.shutdown()
            await trio.testing.wait_all_tasks_blocked()
            assert server.state in {"closed", "aborted"}
        client, server = web.flow.connect(AT)
        client.abort()
        await trio.testing.wait_all_tasks_blocked()
        assert system.ref("node/http").incarnation == 1
        client, server = web.flow.connect(AT)
        await client.write(get("Host: a.local"))
        await trio.testing.wait_all_tasks_blocked()
        assert server.state == "spliced"


async def test_connections_that_were_not_spliced_yet_are_bounded(autojump_clock):
    web = Web(limits=IngressLimits(web_connections=2))
    async with web.run():
        ends = [web.flow.connect(AT) for _ in range(3)]
        await trio.testing.wait_all_tasks_blocked()
        assert [server.state for _, server in ends] == ["aborted", "open", "open"]
        await ends[1][0].write(get("Host: a.local"))
        await trio.testing.wait_all_tasks_blocked()
        _, server = web.flow.connect(AT)
        await trio.testing.wait_all_tasks_blocked()
        assert server.state == "open"  # the spliced one counts no more


async def test_requests_that_do_not_come_keep_nobody_out(autojump_clock):
    web = Web(limits=IngressLimits(web_connections=2))
    async with web.run() as system:
        slow = []
        for number in range(5):
            client, server = web.flow.connect(AT)
            await client.write(b"GET / HTTP/1.1\r\nHost: a.local\r\nX: ")
            slow.append(server)
            await trio.testing.wait_all_tasks_blocked()
            good, good_end = web.flow.connect(AT)
            await good.write(get("Host: a.local"))
            await trio.testing.wait_all_tasks_blocked()
            assert good_end.state == "spliced", number
        assert [server.state for server in slow] == ["aborted"] * 4 + ["open"]
        assert "1 open" in repr(system.cell("node/http").actor)
        assert system.ref("node/http").incarnation == 1


async def test_pages_that_nobody_takes_keep_nobody_out(autojump_clock):
    web = Web(FakeTunnels({"away": PeerOffline("")}), limits=IngressLimits(web_connections=1))
    async with web.run():
        client, server = web.flow.connect(AT)
        await client.write(get("Host: away.local"))
        await trio.testing.wait_all_tasks_blocked()
        assert server.state == "open"  # its page is written, and its end awaited
        good, good_end = web.flow.connect(AT)
        await good.write(get("Host: a.local"))
        await trio.testing.wait_all_tasks_blocked()
        assert (server.state, good_end.state) == ("aborted", "spliced")


async def test_a_request_that_has_come_keeps_its_place(autojump_clock):
    web = Web(FakeTunnels({"slow": "hang"}), limits=IngressLimits(web_connections=1))
    async with web.run():
        client, server = web.flow.connect(AT)
        await client.write(get("Host: slow.local"))
        await trio.testing.wait_all_tasks_blocked()
        _, newcomer = web.flow.connect(AT)
        await trio.testing.wait_all_tasks_blocked()
        assert (server.state, newcomer.state) == ("open", "aborted")


async def test_a_name_s_address_that_is_taken_is_tried_again(autojump_clock):
    web = Web(flow=FakeFlow({80: AddressInUse("Our own listener of before has it.")}))
    async with web.run() as system:
        assert await serve(system, "127.77.0.5") is Served.TAKEN
        web.flow.refuse.clear()
        assert await serve(system, "127.77.0.5") is Served.YES


async def test_more_addresses_are_bound_when_asked(autojump_clock):
    web = Web(limits=IngressLimits(bound_addresses=2))
    async with web.run() as system:
        for ip in ("127.77.0.5", "127.77.0.6", "127.77.0.5", "127.77.0.7"):
            assert await serve(system, ip) is Served.YES
        assert set(web.flow.listeners) == {AT, TcpAddress("127.77.0.5", 80), TcpAddress("127.77.0.7", 80)}
        client, server = web.flow.connect(TcpAddress("127.77.0.5", 80))
        await client.write(get("Host: a.local"))
        await trio.testing.wait_all_tasks_blocked()
        assert server.state == "spliced"


async def test_an_address_is_left_when_asked(autojump_clock):
    web = Web()
    async with web.run() as system:
        await serve(system, "127.77.0.5")
        for ip in ("127.77.0.5", "127.77.0.6", "127.0.0.1"):
            system.ref("node/http").tell(Unserve(ip))
        await trio.testing.wait_all_tasks_blocked()
        assert set(web.flow.listeners) == {AT}
        assert await serve(system, "127.77.0.5") is Served.YES


async def test_without_privileges_no_address_is_bound(autojump_clock):
    web = Web(flow=FakeFlow({80: AddressNotPermitted("No privilege.")}))
    async with web.run() as system:
        assert await serve(system, "127.77.0.5") is Served.NO
        web.flow.refuse.clear()
        assert await serve(system, "127.77.0.5") is Served.NO  # it was decided
        assert set(web.flow.listeners) == {AT}


async def test_an_address_that_a_person_chose_is_the_only_one(autojump_clock):
    web = Web(binding=Binding(AT, fixed=True))
    async with web.run() as system:
        assert await serve(system, "127.77.0.5") is Served.NO
        assert set(web.flow.listeners) == {AT}


async def test_a_restart_keeps_the_port_and_tells_the_resolver(autojump_clock):
    web = Web(binding=Binding(TcpAddress("127.0.0.1", 0), fixed=True))
    async with web.run() as system:
        where = await system.ref("node/http").ask(WhereBound(), timeout=1)
        web.flow.watch(system)
        system.ref("node/http").crash(RuntimeError("as asked"))
        await trio.sleep(5)
        assert await system.ref("node/http").ask(WhereBound(), timeout=1) == where
        assert web.told == ["http", "http"]


async def test_a_server_waits_for_its_old_listener_without_holding_up_its_start(autojump_clock):
    web = Web(binding=Binding(TcpAddress("127.0.0.1", 0), fixed=True))
    async with web.run() as system:
        http = system.ref("node/http")
        where = await http.ask(WhereBound(), timeout=1)
        http.crash(RuntimeError("as asked"))
        await trio.testing.wait_all_tasks_blocked()
        assert http.incarnation == 2
        assert await http.ask(WhereBound(), timeout=0.01) == where  # it answers meanwhile
        await trio.sleep(1)
        assert web.told == ["http"]
        web.flow.listeners.pop(where)
        await trio.sleep(0.2)
        assert web.told == ["http", "http"]
        assert web.flow.listeners[where].owner == http
        assert http.incarnation == 2


async def test_a_chosen_address_that_is_taken_fails_the_start(autojump_clock):
    web = Web(flow=FakeFlow({8480: AddressInUse("Taken.")}), binding=Binding(AT, fixed=True))
    with pytest.raises(StartFailed) as caught:
        async with web.run():
            pass
    assert "Taken" in str(caught.value)
