"""Two homes behind boxes, and servers on the internet."""

import trio

from beam_actors.testing.network import (
    Conditions,
    NatBehaviour,
    VirtualNetwork,
)
from beam_actors.values import TcpAddress
from tests.testing.network.rig import Machine

PRIVATE = TcpAddress("0.0.0.0", 40000)


class Lab:
    """Two servers on the internet, and two homes whose machines have the same private address."""

    def __init__(self, a: NatBehaviour | None, b: NatBehaviour | None, **options) -> None:
        self.network = VirtualNetwork(conditions=Conditions(latency=0.01), **options)
        self.servers = [Machine(self.network, f"s{n}", [f"198.51.100.1{n}"]) for n in (1, 2)]
        self.boxes, self.homes = [], []
        for number, behaviour in enumerate((a, b), 1):
            if behaviour is None:
                self.boxes.append(None)
                self.homes.append(Machine(self.network, f"h{number}", [f"198.51.100.{number}"]))
            else:
                box = self.network.nat(f"r{number}", f"198.51.100.{number}", behaviour)
                self.boxes.append(box)
                self.homes.append(Machine(self.network, f"h{number}", ["192.168.0.2"], behind=box))


async def heard(machine: Machine, sock, seconds: float = 1.0):
    """The next datagram, or None."""
    sock.want(read=True, write=False)
    found = await machine.driver.wait(trio.current_time() + seconds)
    sock.want(read=False, write=False)
    return next(sock.receive(1)) if found else None
