"""The composition root: the supervision tree of one node, given its configuration and its ports."""

from beam_actors.node.config import Bind, NodeConfig, NodePorts
from beam_actors.node.home import begin_home, open_home
from beam_actors.node.keys import KEYSTORE, check_owner, open_keys, take_owner_key
from beam_actors.node.limits import NodeLimits, parse_limits
from beam_actors.node.owning import Owning, Prospect
from beam_actors.node.run import run_node
from beam_actors.node.tree import Node, compose_node

__all__ = [
    "KEYSTORE",
    "Bind",
    "Node",
    "NodeConfig",
    "NodeLimits",
    "NodePorts",
    "Owning",
    "Prospect",
    "begin_home",
    "check_owner",
    "compose_node",
    "open_home",
    "open_keys",
    "parse_limits",
    "run_node",
    "take_owner_key",
]
