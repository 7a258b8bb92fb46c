"""A device of python-zeroconf, asked by this program over multicast on the loopback interface."""

import socket

import pytest

from beam_actors.ingress.devices import Devices
from beam_actors.ingress.messages import FindDevice
from beam_actors.runtime import ChildSpec, System
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.world.clock import SystemClock
from tests.flow.rig import run

zeroconf = pytest.importorskip("zeroconf")
HERE = "127.0.0.1"


@pytest.fixture
def device():
    """`beam-test-printer.local`, at 192.168.7.9."""
    try:
        responder = zeroconf.Zeroconf(interfaces=[HERE])
    except OSError as error:
        pytest.skip(f"No multicast here: {error}")
    kind = "_http._tcp.local."
    info = zeroconf.ServiceInfo(
        kind,
        f"beam-test-printer.{kind}",
        addresses=[socket.inet_aton("192.168.7.9")],
        port=80,
        server="beam-test-printer.local.",
    )
    responder.register_service(info)
    yield "beam-test-printer"
    responder.close()


def test_a_device_of_another_make_is_found(device):
    found = []

    async def case(rig):
        clock = SystemClock()
        system = System("test", clock=clock.monotonic)

        def make():
            nobody = system.ref("nobody")
            return Devices(rig.flow, clock, SeededEntropy(1), resolver=nobody, interfaces=lambda: [HERE])

        async with system.run(ChildSpec("devices", make)):
            devices = system.ref("devices")
            questions = (FindDevice(label, patient=True) for label in (device, "beam-test-nobody"))
            found.extend([await devices.ask(one, timeout=5) for one in questions])

    run("hosted", case)
    assert found == ["192.168.7.9", None]
