"""The network port in simulation: hosts with a loopback of their own, joined by one network, in one process.

`VirtualNetwork.host(...)` is a machine, `host.driver()` a process on it. Everything happens at `trio.current_time()`
under a mock clock, and in one order: the same calls give the same batches. Socket buffers are bounded, so back-pressure
is real; a reset, a clean end, a refusal, a dead machine and a cut differ here as they do outside. The contract suite in
tests/ports holds this driver and the real one to the same behaviour.
"""

from beam_actors.testing.network.driver import VirtualDriver
from beam_actors.testing.network.host import VirtualHost
from beam_actors.testing.network.network import VirtualNetwork

__all__ = ["VirtualDriver", "VirtualHost", "VirtualNetwork"]
