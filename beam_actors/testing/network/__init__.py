"""The network port in simulation: hosts with a loopback of their own, joined by one network, in one process.

`VirtualNetwork.host(...)` is a machine, `host.driver()` a process on it. Everything happens at `trio.current_time()`
under a mock clock, and in one order: the same seed and calls give the same batches. Socket buffers are bounded, so
back-pressure is real; a reset, a clean end, a refusal, a dead machine and a cut differ here as they do outside. The
contract suite in tests/ports holds this driver and the real one to the same behaviour.
"""

from beam_actors.testing.network.conditions import Conditions
from beam_actors.testing.network.driver import VirtualDriver
from beam_actors.testing.network.host import VirtualHost
from beam_actors.testing.network.nat import (
    FULL_CONE,
    PORT_RESTRICTED_CONE,
    RESTRICTED_CONE,
    SYMMETRIC,
    Filtering,
    Mapping,
    NatBehaviour,
    NatBox,
)
from beam_actors.testing.network.network import VirtualNetwork
from beam_actors.testing.network.regions import REGIONS

__all__ = [
    "FULL_CONE",
    "PORT_RESTRICTED_CONE",
    "REGIONS",
    "RESTRICTED_CONE",
    "SYMMETRIC",
    "Conditions",
    "Filtering",
    "Mapping",
    "NatBehaviour",
    "NatBox",
    "VirtualDriver",
    "VirtualHost",
    "VirtualNetwork",
]
