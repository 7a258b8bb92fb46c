"""TCP's promise over any link: whole, in order, once, or a break that both ends see as one."""

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_actors.errors import ConnectionLost, NetworkError
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.network import Conditions
from tests.testing.network.rig import Machine, broken, pair, read, read_all, send_all, simulate, simulated

probabilities = st.floats(0, 0.4)
bad = st.builds(
    Conditions,
    latency=st.floats(0, 0.5),
    jitter=st.floats(0, 0.5),
    loss=probabilities,
    duplicate=probabilities,
    reorder=probabilities,
    bandwidth=st.none() | st.floats(1e4, 1e8),
    burst=st.floats(1, 10),
)
FAULTS = {
    "cut": lambda net, a, b: net.cut(a, b),
    "cut back": lambda net, a, b: net.cut(b, a),
    "mend": lambda net, a, b: net.mend(a, b),
    "mend back": lambda net, a, b: net.mend(b, a),
    "partition": lambda net, a, b: net.partition(a, b),
    "heal": lambda net, a, b: net.heal(a, b),
    "split": lambda net, a, b: net.split([[a], [b]]),
    "clog": lambda net, a, b: net.clog(a, b, 1.0),
    "heal all": lambda net, _a, _b: net.heal_all(),
    "move": lambda _net, a, _b: a.move(["10.9.9.9"]),
    "return": lambda _net, a, _b: a.move(["10.0.0.1"]),
}
faults = st.tuples(st.floats(0, 5), st.sampled_from(sorted(FAULTS)))


class Exchange:
    """Two streams of bytes, one each way, over one connection while faults befall the network."""

    def __init__(self, there: Conditions, back: Conditions, seed: int, patience: float) -> None:
        self.trace: list[object] = []
        self.received: dict[str, bytes] = {"a": b"", "b": b""}
        self.ended: dict[str, bool] = {}
        self.network, self.a, self.b = pair(entropy=SeededEntropy(seed), patience=patience)
        self._conditions = there, back

    async def run(self, data: dict[str, bytes], script: list[tuple[float, str]]) -> None:
        ends = dict(zip("ab", await self.a.connect(self.b), strict=True))
        self.network.set_conditions(self.a.host, self.b.host, self._conditions[0])
        self.network.set_conditions(self.b.host, self.a.host, self._conditions[1])
        async with trio.open_nursery() as nursery:
            nursery.cancel_scope.deadline = trio.current_time() + 40_000  # an end that only listens may never know
            for name, machine in (("a", self.a), ("b", self.b)):
                nursery.start_soon(self.side, name, machine, ends[name], data[name])
            for pause, fault in script:
                await trio.sleep(pause)
                FAULTS[fault](self.network, self.a.host, self.b.host)
            FAULTS["return"](self.network, self.a.host, self.b.host)
            self.network.heal_all()
        self.trace.append(self.network.fabric.dice.random())

    async def side(self, name: str, machine: Machine, end, data: bytes) -> None:
        """Send and receive by turns on one driver, as a pump does."""
        view, buffer, writing = memoryview(data), memoryview(bytearray(1 << 12)), True
        end.want(read=True, write=True)
        try:
            while True:
                for _end, bits in await machine.driver.wait(None):
                    self.trace.append((trio.current_time(), name, bits))
                    if writing and not view:
                        end.shutdown()
                        writing = False
                    elif writing:
                        view = view[end.send(view[:5000]) :]
                    taken = end.recv_into(buffer)
                    if taken:
                        self.received[name] += buffer[:taken]
                    if taken == 0 and not writing:
                        self.ended[name] = True
                        end.close()
                        return
                    end.want(read=taken != 0, write=writing)
        except NetworkError as error:
            self.trace.append(str(error))


def exchange(there, back, seed, script, sizes, patience=1e9) -> Exchange:
    data = {name: SeededEntropy(seed, name).token(size) for name, size in zip("ab", sizes, strict=True)}

    async def main() -> Exchange:
        made = Exchange(there, back, seed, patience)
        await made.run(data, script)
        return made

    made = simulate(main)
    for name, other in (("a", "b"), ("b", "a")):
        assert data[other].startswith(made.received[name]), "bytes were lost, doubled, or out of order"
        if made.ended.get(name):
            assert made.received[name] == data[other], "a cut stream ended cleanly"
    return made


sizes = st.tuples(st.integers(0, 200_000), st.integers(0, 200_000))


@given(bad, bad, st.integers(0, 1000), st.lists(faults, max_size=8), sizes)
@settings(max_examples=60)
def test_bytes_arrive_whole_and_in_order_through_whatever_is_healed_at_last(there, back, seed, script, given_sizes):
    made = exchange(there, back, seed, script, given_sizes)
    lost_for_good = any("silent" in str(event) for event in made.trace)  # sixteen losses in a row, once in 65,536
    assert lost_for_good or made.ended == {"a": True, "b": True}


@given(bad, bad, st.integers(0, 1000), st.lists(faults, max_size=8), sizes)
@settings(max_examples=40)
def test_a_connection_that_breaks_never_looks_ended(there, back, seed, script, given_sizes):
    exchange(there, back, seed, script, given_sizes, patience=5.0)


@given(bad, bad, st.integers(0, 1000), st.lists(faults, max_size=5), st.just((30_000, 30_000)))
@settings(max_examples=20)
def test_the_same_seed_and_calls_give_the_same_batches(there, back, seed, script, given_sizes):
    first, again = (exchange(there, back, seed, script, given_sizes, patience=20.0).trace for _ in range(2))
    assert first == again


@simulated
async def test_another_seed_is_another_network():
    conditions = Conditions(latency=0.1, jitter=0.1, loss=0.2)

    async def when(seed: int) -> float:
        _network, a, b = pair(entropy=SeededEntropy(seed), conditions=conditions)
        dialled, accepted = await a.connect(b)
        dialled.send(b"x")
        assert await read(b.driver, accepted) == b"x"
        return trio.current_time()

    assert len({await when(seed) for seed in range(5)}) == 5


@simulated
async def test_what_a_dead_machine_missed_is_sent_again_and_breaks_after_patience():
    network, a, b = pair(patience=60.0)
    dialled, _accepted = await a.connect(b)
    dialled.send(b"on the wire when it dies")
    b.host.kill()
    start = trio.current_time()
    assert isinstance(await broken(a.driver, dialled), ConnectionLost)
    assert trio.current_time() - start == pytest.approx(60.0, abs=0.01)
    assert len(network.fabric.agenda) <= 2, "nothing is kept of a connection that is over"


@simulated
async def test_a_one_way_cut_breaks_also_the_end_that_is_heard():
    network, a, b = pair(patience=30.0)
    dialled, accepted = await a.connect(b)
    network.cut(a.host, b.host)
    start = trio.current_time()
    accepted.send(b"arrives, and the other end can't say so")
    assert await read(a.driver, dialled) == b"arrives, and the other end can't say so"
    assert isinstance(await broken(b.driver, accepted), ConnectionLost)
    assert trio.current_time() - start == pytest.approx(30.0, abs=0.01)


@simulated
async def test_a_one_way_cut_that_is_mended_in_time_breaks_nobody():
    network, a, b = pair(patience=30.0)
    dialled, accepted = await a.connect(b)
    network.cut(a.host, b.host)
    accepted.send(b"heard")
    dialled.send(b"held")
    await trio.sleep(20)
    network.mend(a.host, b.host)
    assert await read(b.driver, accepted) == b"held"
    await trio.sleep(100)
    assert accepted.connected()
    assert dialled.connected()


@simulated
async def test_a_reset_that_is_lost_is_said_again_when_it_is_asked_for():
    network, a, b = pair()
    dialled, accepted = await a.connect(b)
    network.partition(a.host, b.host)
    accepted.abort()
    network.heal(a.host, b.host)
    assert await a.driver.wait(trio.current_time() + 1000) == [], "a reset is not retransmitted"
    dialled.send(b"still there?")
    assert isinstance(await broken(a.driver, dialled), ConnectionLost)


@simulated
async def test_a_full_pipe_fills_the_bandwidth_and_no_more():
    rate = 100_000.0
    _network, a, b = pair(conditions=Conditions(latency=0.01, bandwidth=rate))
    dialled, accepted = await a.connect(b)
    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all, a.driver, dialled, bytes(1_000_000))
        assert len(await read_all(b.driver, accepted)) == 1_000_000
    assert 10.0 <= trio.current_time() - start <= 10.2


@simulated
async def test_two_connections_share_a_bandwidth():
    _network, a, b = pair(conditions=Conditions(latency=0.01, bandwidth=100_000.0))
    ends = [await a.connect(b) for _ in range(2)]
    for dialled, _accepted in ends:
        assert dialled.send(bytes(50_000)) == 50_000
        dialled.shutdown()
    assert len(await read_all(b.driver, ends[1][1])) == 50_000
    assert trio.current_time() >= 1.0
    assert len(await read_all(b.driver, ends[0][1])) == 50_000
