"""The control API: what the command line, and any program of this user, asks a running node."""

from beam_actors.control.actor import Control
from beam_actors.control.api import (
    CaInfo,
    Choice,
    Conflict,
    Connected,
    ExposeRequest,
    ForwardRequest,
    ForwardRow,
    Identity,
    NameRow,
    NodeApi,
    PeerRow,
    PingResult,
    Registered,
    Resolution,
    Status,
    TreeNode,
    TunnelKind,
    TunnelRow,
)
from beam_actors.control.limits import ControlLimits
from beam_actors.control.tree import log_event, tree_node

__all__ = [
    "CaInfo",
    "Choice",
    "Conflict",
    "Connected",
    "Control",
    "ControlLimits",
    "ExposeRequest",
    "ForwardRequest",
    "ForwardRow",
    "Identity",
    "NameRow",
    "NodeApi",
    "PeerRow",
    "PingResult",
    "Registered",
    "Resolution",
    "Status",
    "TreeNode",
    "TunnelKind",
    "TunnelRow",
    "log_event",
    "tree_node",
]
