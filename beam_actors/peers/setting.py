"""What the actors of all peers of a node share. Made once, when the room is wired; it does nothing."""

from collections.abc import Mapping
from types import MappingProxyType

import attrs

from beam_actors.flow import Taker
from beam_actors.peers.backoff import DialBackoff
from beam_actors.peers.dialling import Dialler
from beam_actors.peers.limits import PeersLimits
from beam_actors.peers.rates import Rates
from beam_actors.peers.routes import Routes
from beam_actors.peers.visits import Visits
from beam_actors.ports import Clock, Entropy
from beam_actors.runtime import Ref
from beam_actors.values import PeerId


@attrs.frozen(slots=True, kw_only=True)
class PeerSetting:
    """See the fields."""

    us: PeerId
    dialler: Dialler
    manager: Ref
    subscribers: tuple[Ref, ...]
    inquirer: Ref
    serve: Mapping[str, Ref]
    clock: Clock
    entropy: Entropy
    limits: PeersLimits
    backoff: DialBackoff
    routes: Routes
    visits: Visits
    introductions: Rates
    """How often each peer introduces itself, over all its sessions."""
    takers: Mapping[str, Taker] = MappingProxyType({})
    """Who is asked in the pump about streams of a protocol, once the session's actor has handed on one."""
    visiting: frozenset[str] = frozenset()
    """The protocols that visits ask for."""
