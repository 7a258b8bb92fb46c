"""What a node needs of the world, as small Protocols. `world` implements them for real, `testing` in simulation.

One contract test suite per port (tests/ports) runs against both sides. Errors are those of `beam_actors.errors`.
"""

from beam_actors.ports.clock import Clock
from beam_actors.ports.compute import Compute
from beam_actors.ports.entropy import Entropy
from beam_actors.ports.files import Files
from beam_actors.ports.network import (
    Buffer,
    DatagramSocket,
    Endpoint,
    Listener,
    NetworkDriver,
    PeerCredentials,
    Pollable,
    Readiness,
    Ready,
    ReplyTo,
    Turn,
)
from beam_actors.ports.store import Change, Store
from beam_actors.ports.tls import CertifiedKey, TlsEngine, TlsPort

__all__ = [
    "Buffer",
    "CertifiedKey",
    "Change",
    "Clock",
    "Compute",
    "DatagramSocket",
    "Endpoint",
    "Entropy",
    "Files",
    "Listener",
    "NetworkDriver",
    "PeerCredentials",
    "Pollable",
    "Readiness",
    "Ready",
    "ReplyTo",
    "Store",
    "TlsEngine",
    "TlsPort",
    "Turn",
]
