"""A resolver between servers, a DNS server and devices that are fakes."""

from contextlib import asynccontextmanager

import trio

from beam_actors.ingress.addresses import TABLE
from beam_actors.ingress.messages import FindDevice, Forget, Lookup, Serve, Served, Unserve, WhereBound
from beam_actors.ingress.resolver import Resolver
from beam_actors.runtime import Actor, receives
from beam_actors.testing.clock import SimClock
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.store import MemoryStore
from beam_actors.values import TcpAddress
from tests.ingress.rig import running


class Server(Actor):
    """A web server that may or may not bind more addresses."""

    def __init__(self, *, may_bind, told, taken):
        super().__init__()
        self.taken = taken
        self.may_bind = may_bind
        self.told = told

    @receives(Serve)
    def on_serve(self, message):
        self.told.append(message.ip)
        return Served.TAKEN if self.taken(message.ip) else Served.YES if self.may_bind else Served.NO

    @receives(Unserve)
    def on_unserve(self, message):
        pass

    @receives(WhereBound)
    def on_where(self, _message):
        return TcpAddress("127.0.0.1", 8443)


class Dns(Actor):
    """A DNS server that keeps what it is told to forget."""

    def __init__(self, forgotten):
        super().__init__()
        self.forgotten = forgotten

    @receives(Forget)
    def on_forget(self, message):
        self.forgotten.append(message.labels)


class Lan(Actor):
    """Devices that answer: by label, after how many seconds, if it was asked in time."""

    def __init__(self, found, asked):
        super().__init__()
        self.found, self.asked = found, asked

    @receives(FindDevice)
    def on_find(self, message):
        self.asked.append((message.label, message.patient))
        self.spawn(self._answer, message.label, message.patient, self.defer())

    async def _answer(self, label, patient, reply):
        await trio.sleep(0.2)
        found = self.found.get(label)
        slow = isinstance(found, tuple)  # it answers those only who wait longer
        reply.set(found[0] if slow and patient else None if slow else found)


class Node:
    def __init__(self, names, *, disk=None, shared=None, https=True, http=True, limits=None, lan=None):
        self.lan, self.asked = lan, []
        self.names, self.disk, self.shared, self.limits = names, disk or MemoryDisk(), shared, limits
        self.may_bind = {"https": https, "http": http}
        self.told = {"https": [], "http": []}
        self.taken = {"https": set(), "http": set()}  # by another program
        self.forgotten = []

    @asynccontextmanager
    async def run(self):
        self.store = await MemoryStore.open(self.disk)

        def server(kind):
            def taken(ip):
                return ip in self.taken[kind] or "all" in self.taken[kind]

            return lambda _system: Server(may_bind=self.may_bind[kind], told=self.told[kind], taken=taken)

        def resolver(system):
            servers = {kind: system.ref(f"node/{kind}") for kind in self.may_bind}
            dns = system.ref("node/dns")
            return Resolver(
                self.names,
                self.store,
                SimClock(),
                servers=servers,
                dns=dns,
                devices=None if self.lan is None else system.ref("node/lan"),
                shared=self.shared,
                limits=self.limits,
            )

        lan = {} if self.lan is None else {"lan": lambda _system: Lan(self.lan, self.asked)}

        def dns(_system):
            return Dns(self.forgotten)

        async with running(https=server("https"), http=server("http"), dns=dns, resolver=resolver, **lan) as system:
            yield system

    async def stored(self):
        """The names whose addresses are remembered."""
        return {key for key, _value in await self.store.scan(TABLE)}


async def look_up(system, text, *, mdns=False):
    return await system.ref("node/resolver").ask(Lookup(text, mdns), timeout=30)
