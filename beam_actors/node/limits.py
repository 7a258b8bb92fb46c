"""Every limit of a node in one place: each room's own class, and the file by which a person changes some of them.

The invariant: limits that exist are acceptable; a file with a wrong word or number in it changes nothing. What each
limit means, its unit and its reason stand in its room; docs/limits.md lists them all, drawn from the code.
"""

import math
import tomllib
from collections.abc import Mapping
from typing import Any

import attrs

from beam_actors.control import ControlLimits
from beam_actors.errors import UsageError
from beam_actors.flow import FlowLimits
from beam_actors.ingress import IngressLimits
from beam_actors.naming import Limits as NamingLimits
from beam_actors.peers import KadLimits, PeersLimits
from beam_actors.tunnels import TunnelsLimits
from beam_actors.wire import SessionLimits


@attrs.frozen(slots=True, kw_only=True)
class NodeLimits:
    """What one node spends at most, by room: the tables of the limits file have these names."""

    flow: FlowLimits = attrs.field(factory=FlowLimits)
    session: SessionLimits = attrs.field(factory=SessionLimits)
    peers: PeersLimits = attrs.field(factory=PeersLimits)
    dht: KadLimits = attrs.field(factory=KadLimits)
    naming: NamingLimits = attrs.field(factory=NamingLimits)
    tunnels: TunnelsLimits = attrs.field(factory=TunnelsLimits)
    ingress: IngressLimits = attrs.field(factory=IngressLimits)
    control: ControlLimits = attrs.field(factory=ControlLimits)


def parse_limits(text: str) -> NodeLimits:
    """Read a limits file (TOML: a table per room, `name = number`); what it doesn't name keeps its default.

    Raises:
        UsageError: it is no TOML, names what there is not, or a number is out of range; the sentence says where.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The limits are not TOML: {error}.") from error
    limits = NodeLimits()
    rooms = {}
    for room, changes in tables.items():
        default = getattr(limits, room, None)
        if default is None or not isinstance(changes, dict):
            names = ", ".join(field.name for field in attrs.fields(NodeLimits))
            raise UsageError(f"The limits have no table [{room}]; there are {names}.")
        rooms[room] = _changed(room, default, changes)
    return attrs.evolve(limits, **rooms)


def _changed(room: str, default: Any, changes: Mapping[str, object]) -> Any:
    for name, value in changes.items():
        usual = getattr(default, name, None) if name in attrs.fields_dict(type(default)) else None
        if usual is None:
            raise UsageError(f"There is no limit {room}.{name}; docs/limits.md lists them.")
        whole = type(usual) is int
        if type(value) is not int and (whole or type(value) is not float):
            raise UsageError(f"The limit {room}.{name} is {'a whole number' if whole else 'a number'}, not {value!r}.")
        if not 0 < value < math.inf:
            raise UsageError(f"The limit {room}.{name} is greater than 0, not {value!r}.")
    try:
        return attrs.evolve(default, **changes)
    except ValueError as error:  # a room's own validator
        raise UsageError(f"The limits of {room} are not acceptable: {error.args[0]}.") from error
