import pytest
import trio

from beam_actors.testing.network import REGIONS, Conditions, VirtualNetwork
from beam_actors.testing.network.regions import WEIGHTS, latency_between
from tests.testing.network.rig import WRITE, Machine, simulated


def test_the_matrix_is_symmetric_and_near_is_nearer_than_far():
    assert len(REGIONS) == 8 == len(WEIGHTS)
    for a in REGIONS:
        for b in REGIONS:
            assert latency_between(a, b) == latency_between(b, a)
            assert (latency_between(a, b) < 0.01) == (a == b)
            assert 0.001 < latency_between(a, b) <= 0.22
    with pytest.raises(KeyError):
        latency_between("europe", "atlantis")


@simulated
async def test_a_dial_between_two_regions_takes_a_round_trip_of_the_matrix():
    network = VirtualNetwork()
    a = Machine(network, "a", ["10.0.0.1"], region="europe")
    b = Machine(network, "b", ["10.0.0.2"], region="australia")
    near = Machine(network, "c", ["10.0.0.3"], region="europe")
    for other, seconds in ((b, 0.330), (near, 0.004)):
        start = trio.current_time()
        listener = other.driver.listen(other.at(4000))
        dialled = a.driver.dial(listener.local)
        await a.until(dialled, WRITE)
        assert seconds <= trio.current_time() - start <= seconds * 1.06 + 2 / 1024
    assert network.fabric.link(a.host, b.host).conditions.loss == 0


@simulated
async def test_the_default_adds_to_regions_and_a_link_of_its_own_overrides_both():
    network = VirtualNetwork(conditions=Conditions(loss=0.1, latency=9.0))
    a = Machine(network, "a", ["10.0.0.1"], region="europe").host
    b = Machine(network, "b", ["10.0.0.2"], region="na_east").host
    link = network.fabric.link
    assert (link(a, b).conditions.latency, link(a, b).conditions.loss) == (0.07, 0.1)
    network.conditions = Conditions(loss=0.2, jitter=0.5)
    assert (link(a, b).conditions.latency, link(a, b).conditions.loss) == (0.07, 0.2)
    assert link(a, b).conditions.jitter == 0.5
    assert network.conditions.loss == 0.2
    network.between(a, b, Conditions(latency=0.3))
    network.conditions = Conditions()
    assert link(b, a).conditions == Conditions(latency=0.3)
    network.set_conditions(a, b, None)
    assert link(a, b).conditions.latency == 0.07
    a.move(["10.0.0.9"], region="australia")
    assert link(a, b).conditions.latency == 0.15
    assert link(b, a).conditions.latency == 0.3
