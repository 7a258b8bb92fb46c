"""Peers: who is reachable, and streams to them. Never knows what a name or a tunnel is."""

from beam_actors.peers.facade import Peers
from beam_actors.peers.kad.answers import Custodian, Kept
from beam_actors.peers.kad.facade import Dht
from beam_actors.peers.kad.limits import KadLimits
from beam_actors.peers.kad.messages import Fate
from beam_actors.peers.kad.walking import Walked
from beam_actors.peers.lifecycle import State
from beam_actors.peers.limits import PeersLimits
from beam_actors.peers.listeners import Bind
from beam_actors.peers.messages import InboundStream, PeerDown, PeerStatus, PeerUp, Ping
from beam_actors.peers.places import network_of
from beam_actors.peers.presence import who_is_up
from beam_actors.peers.room import PeersRoom, compose_peers

__all__ = [
    "Bind",
    "Custodian",
    "Dht",
    "Fate",
    "InboundStream",
    "KadLimits",
    "Kept",
    "PeerDown",
    "PeerStatus",
    "PeerUp",
    "Peers",
    "PeersLimits",
    "PeersRoom",
    "Ping",
    "State",
    "Walked",
    "compose_peers",
    "network_of",
    "who_is_up",
]
