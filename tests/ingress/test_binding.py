import attrs
import pytest

from beam_actors.errors import AddressInUse, AddressNotPermitted
from beam_actors.flow import RememberedPorts
from beam_actors.ingress.binding import Binding, shared_address
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.store import MemoryStore
from beam_actors.values import TcpAddress

WANTED = TcpAddress("127.0.0.1", 8443)


class Machine:
    """Ports that are taken; port 0 gives the next free one."""

    def __init__(self, *taken, error=AddressInUse):
        self.taken = set(taken)
        self.error = error

    def listen(self, address):
        if address.port in self.taken:
            raise self.error(f"{address} is taken.")
        port = address.port or next(port for port in range(40000, 50000) if port not in self.taken)
        self.taken.add(port)
        return TcpAddress(address.ip, port)


def bound(value):
    return value


@pytest.fixture
async def ports():
    return RememberedPorts(await MemoryStore.open(MemoryDisk()))


async def test_a_free_address():
    assert await Binding(WANTED, fixed=False).bind(Machine().listen, bound) == WANTED


@pytest.mark.parametrize("error", [AddressInUse, AddressNotPermitted])
async def test_a_taken_address_falls_back_unless_a_person_asked_for_it(ports, error):
    machine = Machine(8443, error=error)
    free = TcpAddress("127.0.0.1", 40000)
    assert await Binding(WANTED, fixed=False, ports=ports).bind(machine.listen, bound) == free
    with pytest.raises(error):
        await Binding(WANTED, fixed=True, ports=ports).bind(machine.listen, bound)


@pytest.mark.parametrize("fixed", [True, False])
async def test_the_next_incarnation_gets_the_same_port(fixed):
    machine = Machine()
    binding = Binding(TcpAddress("127.0.0.1", 0), fixed=fixed)
    first = await binding.bind(machine.listen, bound)
    machine.taken = {first.port, 50001}
    assert [await binding.bind(machine.listen, bound) for _ in range(5)] == [None] * 5
    assert binding.local == first
    machine.taken.discard(first.port)  # the old listener is gone
    assert await binding.bind(machine.listen, bound) == first


async def test_a_port_that_somebody_took_meanwhile_is_given_up():
    machine = Machine()
    binding = Binding(TcpAddress("127.0.0.1", 0), fixed=True)
    first = await binding.bind(machine.listen, bound)
    for _ in range(3):  # each time after as many tries
        *vain, second = [await binding.bind(machine.listen, bound) for _ in range(20)]
        assert vain == [None] * 19
        assert second not in {None, first}
        assert binding.local == second


async def test_an_address_that_a_person_asked_for_and_that_is_lost_is_an_error_after_as_many_tries():
    machine = Machine()
    binding = Binding(WANTED, fixed=True)
    assert await binding.bind(machine.listen, bound) == WANTED
    for _ in range(2):
        assert [await binding.bind(machine.listen, bound) for _ in range(19)] == [None] * 19
        with pytest.raises(AddressInUse):
            await binding.bind(machine.listen, bound)


async def test_the_port_that_stood_in_does_so_in_the_next_run_if_the_usual_one_is_taken_still(ports):
    machine = Machine(8443, 40000)
    first = await Binding(WANTED, fixed=False, ports=ports).bind(machine.listen, bound)
    assert first.port == 40001
    machine = Machine(8443)  # 40000 would be free now
    assert await Binding(WANTED, fixed=False, ports=ports).bind(machine.listen, bound) == first
    assert await Binding(WANTED, fixed=False, ports=ports).bind(Machine().listen, bound) == WANTED
    other = attrs.evolve(WANTED, port=5354)
    assert (await Binding(other, fixed=False, ports=ports).bind(Machine(5354).listen, bound)).port == 40000
    assert await Binding(WANTED, fixed=False, ports=ports).bind(Machine(8443).listen, bound) == first


async def test_a_port_of_the_last_run_that_is_taken_gives_way_to_another_that_is_remembered(ports):
    await ports.keep(WANTED, 40000)
    second = await Binding(WANTED, fixed=False, ports=ports).bind(Machine(8443, 40000).listen, bound)
    assert second.port == 40001
    assert await ports.get(WANTED) == 40001


@pytest.mark.parametrize(
    ("https", "http", "shared"),
    [
        (None, None, None),
        (("127.0.0.1", False), ("127.0.0.1", False), None),
        (("127.0.0.9", True), ("127.0.0.1", False), "127.0.0.9"),
        (("127.0.0.1", False), ("127.0.0.9", True), "127.0.0.9"),
        (None, ("127.0.0.9", True), "127.0.0.9"),
        (("0.0.0.0", True), None, "127.0.0.1"),
        (("::", True), None, "::1"),
    ],
)
def test_a_chosen_address_is_every_names(https, http, shared):
    bindings = [spec and Binding(TcpAddress(spec[0], 0), fixed=spec[1]) for spec in (https, http)]
    assert shared_address(*bindings) == shared
