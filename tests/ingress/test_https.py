import pytest
import trio

from beam_actors.errors import StartFailed
from beam_actors.ingress.authority import ISSUER_FILE
from beam_actors.ingress.binding import Binding
from beam_actors.ingress.https import HttpsServer
from beam_actors.ingress.zone import Zone
from beam_actors.testing.clock import SimClock
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.files import SimFiles
from beam_actors.values import TcpAddress
from tests.ingress.rig import FakeFlow, FakeNames, running
from tests.ingress.streams import FakeTunnels
from tests.ingress.test_heads import get

AT = TcpAddress("127.0.0.1", 8443)


class FakeEngine:
    """What an engine knows after the client's hello."""

    def __init__(self, certificate_for, server_name):
        self.server_name = server_name
        self.certificate = certificate_for(server_name)


class FakeTls:
    def __init__(self, server_name):
        self.server_name = server_name
        self.engines = []

    def server(self, certificate_for):
        self.engines.append(FakeEngine(certificate_for, self.server_name))
        return self.engines[-1]


def node(tls, *, flow, files=None, tunnels=None):
    def https(system):
        return HttpsServer(
            flow,
            tunnels or FakeTunnels(),
            FakeNames(),
            resolver=system.ref("node/resolver"),
            zone=Zone(("local",)),
            binding=Binding(AT, fixed=True),
            tls=tls,
            files=files or SimFiles(MemoryDisk()),
            clock=SimClock(),
            entropy=SeededEntropy(1),
        )

    return running(https=https)


@pytest.mark.parametrize(("host", "state"), [("a.local", "spliced"), ("b.local", "closed")])
async def test_the_host_must_be_the_one_of_the_certificate(autojump_clock, host, state):
    tls, flow, tunnels = FakeTls("a.local"), FakeFlow(), FakeTunnels()
    async with node(tls, flow=flow, tunnels=tunnels):
        client, server = flow.connect(AT)
        await client.write(get(f"Host: {host}"))
        await client.shutdown()
        await trio.testing.wait_all_tasks_blocked()
        assert server.state == state
        assert tls.engines[0].certificate is not None
    assert [opened[:3] for opened in tunnels.opened] == ([("a", 443, "https")] if state == "spliced" else [])


async def test_a_damaged_authority_fails_the_start_in_words(autojump_clock):
    files = SimFiles(MemoryDisk())
    files.write(ISSUER_FILE, b"junk")
    with pytest.raises(StartFailed, match="remove it"):
        async with node(FakeTls(None), flow=FakeFlow(), files=files):
            pass
