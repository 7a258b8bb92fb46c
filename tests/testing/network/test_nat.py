"""NAT boxes, judged as Linux's were: classified from outside (docs/decisions.md)."""

import itertools

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.errors import ConnectionLost, InvalidValue, Unreachable
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.network import (
    FULL_CONE,
    PORT_RESTRICTED_CONE,
    Filtering,
    Mapping,
    NatBehaviour,
    VirtualNetwork,
)
from beam_actors.values import TcpAddress
from tests.testing.network.homes import PRIVATE, Lab, heard
from tests.testing.network.rig import READ, WRITE, Machine, broken, connect, read, simulate, simulated

ANY = TcpAddress("0.0.0.0", 0)


async def classify(behaviour: NatBehaviour) -> tuple[Mapping, Filtering]:
    """What a STUN client finds (RFC 5780, section 4), with two servers of two ports each."""
    lab = Lab(behaviour, None)
    one, two = lab.servers
    home = lab.homes[0]
    sock = home.driver.datagrams(PRIVATE)
    probes = {(m.ip, port): (m, m.driver.datagrams(m.at(port))) for m in (one, two) for port in (3478, 3479)}

    async def mapped(machine: Machine, port: int) -> TcpAddress:
        sock.send_to(b"who am I?", machine.at(port))
        heard_by = probes[machine.ip, port]
        data = await heard(*heard_by)
        assert data is not None
        return data[1]

    async def comes_in(machine: Machine, port: int, address: TcpAddress) -> bool:
        probes[machine.ip, port][1].send_to(b"hello", address)
        return await heard(home, sock) is not None

    first = await mapped(one, 3478)
    assert first.ip == lab.boxes[0].public_ip
    filtering = Filtering.ADDRESS_AND_PORT_DEPENDENT
    if await comes_in(two, 3478, first):
        filtering = Filtering.ENDPOINT_INDEPENDENT
    elif await comes_in(one, 3479, first):
        filtering = Filtering.ADDRESS_DEPENDENT
    assert await comes_in(one, 3478, first), "who was sent to may always answer"
    if await mapped(two, 3478) == first:
        return Mapping.ENDPOINT_INDEPENDENT, filtering
    if await mapped(one, 3479) == first:
        return Mapping.ADDRESS_DEPENDENT, filtering
    return Mapping.ADDRESS_AND_PORT_DEPENDENT, filtering


@pytest.mark.parametrize(("mapping", "filtering"), list(itertools.product(Mapping, Filtering)))
@pytest.mark.parametrize("preserve", [True, False])
def test_a_box_is_what_a_client_outside_finds_it_to_be(mapping, filtering, preserve):
    behaviour = NatBehaviour(mapping=mapping, filtering=filtering, preserve_ports=preserve)
    assert simulate(classify, behaviour) == (mapping, filtering)


@simulated
async def test_a_machine_behind_a_box_reaches_out_and_is_seen_as_the_box():
    lab = Lab(PORT_RESTRICTED_CONE, PORT_RESTRICTED_CONE)
    server = lab.servers[0]
    listener = server.driver.listen(server.at(4747))
    for number, home in enumerate(lab.homes, 1):
        dialled = home.driver.dial(listener.local)
        await home.until(dialled, WRITE)
        await server.until(listener, READ)
        accepted = listener.accept()
        assert dialled.local.ip == "192.168.0.2"
        assert accepted.remote == TcpAddress(f"198.51.100.{number}", dialled.local.port)
        dialled.send(b"out")
        assert await read(server.driver, accepted) == b"out"
        accepted.send(b"in")
        assert await read(home.driver, dialled) == b"in"


@simulated
async def test_a_stranger_does_not_get_in_and_hears_nothing():
    lab = Lab(PORT_RESTRICTED_CONE, None, patience=30.0)
    home, server = lab.homes[0], lab.servers[0]
    home.driver.listen(TcpAddress("0.0.0.0", 4747))
    dialled = server.driver.dial(TcpAddress("198.51.100.1", 4747))
    assert isinstance(await broken(server.driver, dialled), Unreachable)
    dialled = server.driver.dial(TcpAddress("192.168.0.2", 4747))
    assert isinstance(await broken(server.driver, dialled), Unreachable), "a private address leads nowhere outside"


@simulated
async def test_two_machines_behind_one_box_see_each_other_directly_and_share_its_address():
    network = VirtualNetwork(entropy=SeededEntropy(5))
    box = network.nat("r", "198.51.100.1")
    a, b = (Machine(network, name, [f"192.168.0.{n}"], behind=box) for n, name in enumerate("ab", 2))
    server = Machine(network, "s", ["198.51.100.11"])
    _dialled, accepted = await a.connect(b)
    assert accepted.remote.ip == "192.168.0.2"
    listener = server.driver.listen(server.at(4747))
    seen = set()
    for machine in (a, b):
        dialled = machine.driver.dial(listener.local, bind=TcpAddress("0.0.0.0", 40000))
        await machine.until(dialled, WRITE)
        await server.until(listener, READ)
        seen.add(listener.accept().remote)
    assert {address.ip for address in seen} == {"198.51.100.1"}
    assert len(seen) == 2, "no two bindings share a port"
    assert TcpAddress("198.51.100.1", 40000) in seen, "the first keeps its own"


@simulated
async def test_hairpins_are_turned_only_by_boxes_that_do():
    for hairpin in (False, True):
        network = VirtualNetwork(patience=20.0)
        box = network.nat("r", "198.51.100.1", NatBehaviour(filtering=Filtering.ENDPOINT_INDEPENDENT, hairpin=hairpin))
        a, b = (Machine(network, name, [f"192.168.0.{n}"], behind=box) for n, name in enumerate("ab", 2))
        server = Machine(network, "s", ["198.51.100.11"])
        sock, other = a.driver.datagrams(PRIVATE), b.driver.datagrams(TcpAddress("0.0.0.0", 40001))
        other.send_to(b"open", server.at(1))
        sock.send_to(b"round", TcpAddress("198.51.100.1", 40001))
        found = await heard(b, other)
        assert (found is not None) == hairpin
        if hairpin:
            assert found == (b"round", TcpAddress("198.51.100.1", 40000)), "seen from outside (RFC 4787, REQ-9)"


@simulated
async def test_a_binding_for_datagrams_ends_after_thirty_silent_seconds():
    lab = Lab(FULL_CONE, None)
    home, server = lab.homes[0], lab.servers[0]
    sock, there = home.driver.datagrams(PRIVATE), server.driver.datagrams(server.at(3478))
    sock.send_to(b"x", there.local)
    outside = (await heard(server, there))[1]
    for _ in range(3):  # each packet in either direction keeps it
        await trio.sleep(29)
        there.send_to(b"still there?", outside)
        assert await heard(home, sock) is not None
    await trio.sleep(31)
    there.send_to(b"still there?", outside)
    assert await heard(home, sock) is None


@simulated
async def test_who_was_sent_to_long_ago_is_not_let_in_by_what_others_are_sent():
    lab = Lab(PORT_RESTRICTED_CONE, None)
    home, (one, two) = lab.homes[0], lab.servers
    sock = home.driver.datagrams(PRIVATE)
    socks = [m.driver.datagrams(m.at(3478)) for m in (one, two)]
    for each in socks:
        sock.send_to(b"x", each.local)
    outside = (await heard(one, socks[0]))[1]
    for _ in range(4):
        await trio.sleep(20)
        sock.send_to(b"x", socks[0].local)
    socks[1].send_to(b"late", outside)
    assert await heard(home, sock) is None
    socks[0].send_to(b"in time", outside)
    assert (await heard(home, sock))[0] == b"in time"


@simulated
async def test_a_box_that_restarts_gives_other_ports_and_lets_old_streams_fall_silent():
    lab = Lab(PORT_RESTRICTED_CONE, None, patience=60.0)
    home, server, box = lab.homes[0], lab.servers[0], lab.boxes[0]
    sock, there = home.driver.datagrams(PRIVATE), server.driver.datagrams(server.at(3478))
    listener = server.driver.listen(server.at(4747))
    dialled, accepted = await connect(home, listener, server, server.at(4747))
    sock.send_to(b"x", there.local)
    before = (await heard(server, there))[1]
    box.rebind()
    there.send_to(b"to the old port", before)
    assert await heard(home, sock) is None
    sock.send_to(b"x", there.local)
    after = (await heard(server, there))[1]
    assert after != before
    assert after.ip == before.ip
    dialled.send(b"lost on the box")
    accepted.send(b"lost before the box")
    start = trio.current_time()
    assert isinstance(await broken(home.driver, dialled), ConnectionLost)
    assert isinstance(await broken(server.driver, accepted), ConnectionLost)
    assert trio.current_time() - start == pytest.approx(60.0, abs=0.1)


@simulated
async def test_an_idle_stream_outlives_datagrams_and_not_its_own_expiry():
    lab = Lab(NatBehaviour(tcp_expiry=100.0), None, patience=20.0)
    home, server = lab.homes[0], lab.servers[0]
    dialled, accepted = await connect(home, server.driver.listen(server.at(4747)), server, server.at(4747))
    await trio.sleep(90)
    dialled.send(b"within")
    assert await read(server.driver, accepted) == b"within"
    await trio.sleep(101)
    dialled.send(b"too late")
    assert isinstance(await broken(home.driver, dialled), ConnectionLost)


@simulated
async def test_boxes_behind_boxes_translate_twice():
    network = VirtualNetwork()
    carrier = network.nat("carrier", "198.51.100.1", region="europe")
    home = network.nat("home", "100.64.0.2", behind=carrier)
    machine = Machine(network, "m", ["192.168.0.2"], behind=home)
    neighbour = Machine(network, "n", ["100.64.0.3"], behind=carrier)
    server = Machine(network, "s", ["198.51.100.11"])
    dialled, accepted = await connect(machine, server.driver.listen(server.at(4747)), server, server.at(4747))
    assert accepted.remote.ip == "198.51.100.1"
    accepted.send(b"inwards")
    assert await read(machine.driver, dialled) == b"inwards"
    _dialled, accepted = await connect(machine, neighbour.driver.listen(ANY), neighbour, neighbour.at(32768))
    assert accepted.remote.ip == "100.64.0.2"
    assert neighbour.host.region == "europe"
    carrier.rebind()
    dialled.send(b"lost")
    server_end = await heard_nothing(server, accepted)
    assert server_end


async def heard_nothing(machine: Machine, endpoint) -> bool:
    return await machine.driver.wait(trio.current_time() + 100) == []


@simulated
async def test_a_box_without_a_free_port_drops_and_takes_ports_back():
    lab = Lab(NatBehaviour(mapping=Mapping.ADDRESS_AND_PORT_DEPENDENT, ports=16), None)
    home, server, box = lab.homes[0], lab.servers[0], lab.boxes[0]
    sock, there = home.driver.datagrams(PRIVATE), server.driver.datagrams(server.at(3478))
    now = trio.current_time()
    made = [box.outbound("udp", TcpAddress("192.168.0.2", 5000), server.at(port), now) for port in range(1, 17)]
    assert {binding.outside.port for binding in made} == set(range(1024, 1040))
    assert sock.send_to(b"dropped", there.local)
    assert await heard(server, there) is None
    listener = server.driver.listen(server.at(4747))
    await connect(home, listener, server, server.at(4747))  # TCP has ports of its own
    await trio.sleep(30)
    assert sock.send_to(b"passes", there.local)
    assert await heard(server, there) is not None


def test_addresses_are_one_s_own_within_a_realm_and_of_the_box_s_kind():
    network = VirtualNetwork()
    box = network.nat("r", "198.51.100.1")
    network.host("a", ["192.168.0.2"], behind=box)
    network.host("b", ["192.168.0.2"])
    with pytest.raises(ValueError, match="exists already"):
        network.host("c", ["192.168.0.2"], behind=box)
    with pytest.raises(ValueError, match="exists already"):
        network.nat("r", "198.51.100.2")
    with pytest.raises(ValueError, match="exists already"):
        network.nat("r2", "198.51.100.1")
    with pytest.raises(ValueError, match="does not translate"):
        network.host("d", ["fd00::1"], behind=box)
    with pytest.raises(InvalidValue):
        NatBehaviour(expiry=0)
    assert "port-dependent" in repr(box)


steps = st.lists(
    st.tuples(
        st.sampled_from(["out", "in", "wait", "rebind"]),
        st.integers(0, 3),  # which socket inside
        st.integers(0, 3),  # which socket outside
        st.floats(0, 40),
    ),
    max_size=40,
)


class Model:
    """Remembers every packet, and derives each answer from the words of RFC 4787."""

    def __init__(self, mapping: Mapping, filtering: Filtering) -> None:
        self.mapping = mapping
        self.filtering = filtering
        self.known: dict = {}  # (inside, part of remote) -> (outside port, last packet, {part of remote: last packet})

    @staticmethod
    def part(kind, remote):
        if kind == "endpoint-independent":
            return None
        return remote.ip if kind == "address-dependent" else remote

    def live(self, now):
        return {key: entry for key, entry in self.known.items() if entry[1] + 30 > now}

    def sent(self, here, there, now, port) -> int:
        """The port that a packet leaves by, where `port` is that of a new binding."""
        key = (here, self.part(self.mapping, there))
        live = self.live(now)
        if key not in live:
            assert port not in {entry[0] for entry in live.values()}
            self.known[key] = [port, now, {}]
        self.known[key][1] = self.known[key][2][self.part(self.filtering, there)] = now
        return self.known[key][0]

    def lets_in(self, entry, there, now) -> bool:
        part = self.part(self.filtering, there)
        if part is not None and entry[2].get(part, -99) + 30 <= now:
            return False
        entry[1] = entry[2][part] = now
        return True


@given(st.sampled_from(list(Mapping)), st.sampled_from(list(Filtering)), st.booleans(), steps)
@settings(max_examples=200)
def test_a_box_lets_in_exactly_whom_its_own_history_allows(mapping, filtering, preserve, script):
    behaviour = NatBehaviour(mapping=mapping, filtering=filtering, preserve_ports=preserve)
    box = VirtualNetwork(entropy=SeededEntropy(1)).nat("r", "198.51.100.1", behaviour)
    inside = [TcpAddress(f"192.168.0.{2 + n // 2}", 40000 + n % 2) for n in range(4)]
    outside = [TcpAddress(f"203.0.113.{1 + n // 2}", 5000 + n % 2) for n in range(4)]
    model, now = Model(mapping, filtering), 0.0
    for what, number, other, seconds in script:
        here, there = inside[number], outside[other]
        if what == "wait":
            now += seconds
        elif what == "rebind":
            box.rebind()
            model.known.clear()
        elif what == "out":
            binding = box.outbound("udp", here, there, now)
            assert binding.outside.port == model.sent(here, there, now, binding.outside.port)
        else:
            for key, entry in model.live(now).items():
                binding = box.inbound("udp", entry[0], there, now)
                assert (binding is not None) == model.lets_in(entry, there, now)
                assert binding is None or binding.inside == key[0]
