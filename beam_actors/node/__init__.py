"""The composition root: the supervision tree of one node, given its configuration and its ports."""

from beam_actors.node.config import Bind, NodeConfig, NodePorts

__all__ = ["Bind", "NodeConfig", "NodePorts"]
