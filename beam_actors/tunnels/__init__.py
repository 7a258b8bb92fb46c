"""Tunnels: both ends of `/beam/tunnel/1`: offered services and opened ones, access rules, forwards."""

from beam_actors.tunnels.facade import Tunnels
from beam_actors.tunnels.limits import TunnelsLimits
from beam_actors.tunnels.messages import ForwardStatus, TunnelStatus
from beam_actors.tunnels.opening import Resolver
from beam_actors.tunnels.protocol import PROTOCOL
from beam_actors.tunnels.reception import Reception
from beam_actors.tunnels.room import TunnelsRoom, acceptor_ref, compose_tunnels
from beam_actors.tunnels.spec import ForwardSpec, TunnelSpec

__all__ = [
    "PROTOCOL",
    "ForwardSpec",
    "ForwardStatus",
    "Reception",
    "Resolver",
    "TunnelSpec",
    "TunnelStatus",
    "Tunnels",
    "TunnelsLimits",
    "TunnelsRoom",
    "acceptor_ref",
    "compose_tunnels",
]
