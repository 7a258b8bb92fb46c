"""The control API: what the command line, and any program of this user, asks a running node."""

from beam_actors.control.actor import Control
from beam_actors.control.api import NodeApi, TraceFeed
from beam_actors.control.limits import ControlLimits
from beam_actors.control.names import Choice, Conflict, NameEvent, NameRow, Progress, Registered, Resolution, Revoked
from beam_actors.control.results import (
    CaInfo,
    Connected,
    DeadRow,
    ExitRow,
    ExposeRequest,
    ForwardRequest,
    ForwardRow,
    Identity,
    PeerRow,
    PingResult,
    Status,
    TraceRequest,
    TraceRow,
    TrafficRow,
    Tree,
    TreeNode,
    TunnelKind,
    TunnelRow,
)
from beam_actors.control.tracing import RuntimeFeed
from beam_actors.control.tree import log_event, tree_node, tree_of

__all__ = [
    "CaInfo",
    "Choice",
    "Conflict",
    "Connected",
    "Control",
    "ControlLimits",
    "DeadRow",
    "ExitRow",
    "ExposeRequest",
    "ForwardRequest",
    "ForwardRow",
    "Identity",
    "NameEvent",
    "NameRow",
    "NodeApi",
    "PeerRow",
    "PingResult",
    "Progress",
    "Registered",
    "Resolution",
    "Revoked",
    "RuntimeFeed",
    "Status",
    "TraceFeed",
    "TraceRequest",
    "TraceRow",
    "TrafficRow",
    "Tree",
    "TreeNode",
    "TunnelKind",
    "TunnelRow",
    "log_event",
    "tree_node",
    "tree_of",
]
