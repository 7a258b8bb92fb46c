"""Devices of LANs that have a name by multicast DNS, and know nothing of Beam: printers, mostly.

The virtual network has no groups. So all devices of one LAN are one host there, which has their addresses and that of
mDNS's group, and answers as each of them would. Invariant: a device answers for its own name alone, from its own
address, by unicast (RFC 6762 section 6.7), and from the beginning of the run to its end.
"""

from contextlib import suppress
from typing import TYPE_CHECKING

from dnslib import RR, A, DNSError, DNSHeader, DNSRecord

from beam_actors.errors import NetworkError
from beam_actors.flow import Flow, Pump
from beam_actors.ingress.mdns import GROUP
from beam_actors.values import TcpAddress

if TYPE_CHECKING:
    import trio

    from beam_actors.flow import DatagramHandle
    from beam_actors.ports import Clock, DatagramSocket
    from beam_actors.testing.network import NatBox
    from beam_actors.testing.world import World

_TTL = 120


class Lan:
    """The devices behind one router."""

    alive = True

    def __init__(self, world: "World", number: int, behind: "NatBox", names: tuple[str, ...]) -> None:
        self.path = f"devices of {behind.name}"
        self.box = behind
        self.addresses = {name: f"192.168.{number}.{10 + place}" for place, name in enumerate(names)}
        self._host = world.network.host(f"lan{number}", [*self.addresses.values(), GROUP.ip], behind=behind)
        self._handles: dict[str, DatagramHandle] = {}
        self.asked = 0
        """Questions for one of the devices."""

    def __repr__(self) -> str:
        return f"<Lan {', '.join(self.addresses)}>"

    def start(self, nursery: "trio.Nursery", clock: "Clock") -> None:
        """Answer from now on; `clock` is a machine's."""
        flow = Flow()
        pump = Pump(self._host.driver(), clock)
        flow.attach(pump)
        nursery.start_soon(pump.run)
        flow.datagrams(GROUP, self._on_questions, self)
        self._handles = {
            name: flow.datagrams(TcpAddress(ip, GROUP.port), _deaf, self) for name, ip in self.addresses.items()
        }

    def tell(self, message: object) -> None:
        """As the owner of sockets."""

    def crash(self, reason: BaseException) -> None:
        """As the owner of sockets: a callback failed, which no scenario expects."""
        raise AssertionError(f"{self.path} failed") from reason

    def _on_questions(self, socket: "DatagramSocket") -> None:
        for data, sender in socket.receive():
            try:
                record = DNSRecord.parse(bytes(data))
            except (DNSError, ValueError):
                continue
            label, _, domain = str(record.q.qname).rstrip(".").partition(".")
            if domain == "local" and label in self.addresses and not record.header.qr:
                self.asked += 1
                self._answer(record, label, sender)

    def _answer(self, asked: DNSRecord, label: str, to: TcpAddress) -> None:
        answer = DNSRecord(DNSHeader(id=asked.header.id, qr=1, aa=1, ra=0, rd=0), q=asked.q)
        answer.add_answer(RR(asked.q.qname, rdata=A(self.addresses[label]), ttl=_TTL))
        with suppress(NetworkError):
            self._handles[label].send_to(bytes(answer.pack()), to)


def _deaf(socket: "DatagramSocket") -> None:
    """A device that is asked at its own address answers nothing."""
    for _question in socket.receive():
        pass
