"""A DNS server in front of a resolver, over sockets in memory."""

from contextlib import asynccontextmanager

import dnslib

from beam_actors.ingress.binding import Binding
from beam_actors.ingress.dns import DnsServer
from beam_actors.ingress.resolver import Resolver
from beam_actors.ingress.zone import Zone
from beam_actors.testing.clock import SimClock
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.store import MemoryStore
from beam_actors.values import TcpAddress
from tests.ingress.rig import FakeFlow, running

AT = TcpAddress("127.0.0.1", 5354)


class Dns:
    """The server and the resolver; `socket` is where its questions arrive."""

    def __init__(self, names, *, flow=None, binding=None, limits=None):
        self.names = names
        self.flow = flow or FakeFlow()
        self.binding = binding or Binding(AT, fixed=True)
        self.limits = limits

    @asynccontextmanager
    async def run(self):
        store = await MemoryStore.open(MemoryDisk())

        def resolver(_system):
            return Resolver(self.names, store, SimClock(), servers={}, shared="127.0.0.1", limits=self.limits)

        def dns(system):
            return DnsServer(
                self.flow,
                system.ref("node/resolver"),
                SimClock(),
                zone=Zone(("local", "localhost")),
                binding=self.binding,
                limits=self.limits,
            )

        async with running(resolver=resolver, dns=dns) as system:
            yield system

    @property
    def socket(self):
        return self.flow.udp[self.binding.local]


def read(reply):
    return dnslib.DNSRecord.parse(reply)
