import pytest
import trio

from beam_actors.errors import AddressInUse, AddressNotPermitted
from beam_actors.ingress.binding import Binding, shared_address
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


async def test_a_free_address():
    assert await Binding(WANTED, fixed=False).bind(Machine().listen, bound) == WANTED


@pytest.mark.parametrize("error", [AddressInUse, AddressNotPermitted])
async def test_a_taken_address_falls_back_unless_a_person_asked_for_it(error):
    machine = Machine(8443, error=error)
    assert await Binding(WANTED, fixed=False).bind(machine.listen, bound) == TcpAddress("127.0.0.1", 40000)
    with pytest.raises(error):
        await Binding(WANTED, fixed=True).bind(machine.listen, bound)


@pytest.mark.parametrize("fixed", [True, False])
async def test_the_next_incarnation_gets_the_same_port(autojump_clock, fixed):
    machine = Machine()
    binding = Binding(TcpAddress("127.0.0.1", 0), fixed=fixed)
    first = await binding.bind(machine.listen, bound)
    machine.taken = {first.port, 50001}

    async with trio.open_nursery() as nursery:

        async def give_up_the_old_listener():
            await trio.sleep(0.5)
            machine.taken.discard(first.port)

        nursery.start_soon(give_up_the_old_listener)
        assert await binding.bind(machine.listen, bound) == first


async def test_a_port_that_somebody_took_meanwhile_is_given_up(autojump_clock):
    machine = Machine()
    binding = Binding(TcpAddress("127.0.0.1", 0), fixed=True)
    first = await binding.bind(machine.listen, bound)
    second = await binding.bind(machine.listen, bound)
    assert second != first


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
