from hypothesis import given
from hypothesis import strategies as st

from beam_actors.testing.network.port_table import PortTable
from beam_actors.values import TcpAddress

addresses = st.builds(
    TcpAddress, st.sampled_from(["0.0.0.0", "10.0.0.1", "127.0.0.1", "::", "fd00::1"]), st.integers(1, 3)
)


def overlap(a: TcpAddress, b: TcpAddress) -> bool:
    return a.port == b.port and (":" in a.ip) == (":" in b.ip) and (a.ip == b.ip or a.is_wildcard or b.is_wildcard)


@given(st.lists(st.tuples(addresses, st.booleans()), max_size=30), addresses)
def test_it_finds_what_a_search_would(steps, wanted):
    table: PortTable[int] = PortTable()
    bound: list[tuple[TcpAddress, int]] = []
    for number, (address, stays) in enumerate(steps):
        if stays:
            table.add(address, number)
            bound.append((address, number))
        else:
            for other, socket in [each for each in bound if each[0] == address][:1]:
                table.remove(other, socket)
                bound.remove((other, socket))
        table.remove(address, -1)  # nobody's
    exact = [socket for address, socket in bound if address == wanted]
    wild = [socket for address, socket in bound if address.is_wildcard and overlap(address, wanted)]
    assert table.at(wanted) == (exact or wild or [None])[0]
    assert sorted(table.conflicts(wanted)) == sorted(socket for address, socket in bound if overlap(address, wanted))
    assert (wanted.port in table) == any(address.port == wanted.port for address, _socket in bound)
