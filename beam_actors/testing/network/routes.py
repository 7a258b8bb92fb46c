"""The way of a packet through address spaces: out of its sender's, and into its receiver's.

The invariant: a packet is translated outwards when it leaves and inwards when it arrives, by what the boxes know at
those two moments; between the two it stands in one realm, with the addresses that a wire there would show.
"""

from typing import TYPE_CHECKING

import attrs

from beam_actors.testing.network.nat import Binding, NatBox, Protocol
from beam_actors.testing.network.realm import Realm, Site
from beam_actors.values import TcpAddress

if TYPE_CHECKING:
    from beam_actors.testing.network.host import VirtualHost


@attrs.frozen(slots=True)
class Way:
    """How a packet left: where it is, as whose, and by which bindings of its sender's boxes."""

    realm: Realm | None
    """None: it is dropped."""
    source: TcpAddress
    bindings: tuple[Binding, ...] = ()


@attrs.frozen(slots=True)
class Landing:
    """How it arrived: at which machine, at which of its addresses, by which bindings of the receiver's boxes."""

    host: "VirtualHost"
    local: TcpAddress
    bindings: tuple[Binding, ...] = ()


def leave(realm: Realm, protocol: Protocol, source: TcpAddress, target: TcpAddress, now: float) -> Way:
    """Let a packet leave from `source` in `realm`; the boxes on its way remember it."""
    bindings: tuple[Binding, ...] = ()
    while True:
        box = realm.box
        if box is None or realm.at(target.ip) is not None:
            return Way(realm, source, bindings)
        if target.ip == box.public_ip and not box.behaviour.hairpin:
            return Way(None, source, bindings)
        binding = box.outbound(protocol, source, target, now)
        if binding is None:
            return Way(None, source, bindings)
        bindings = (*bindings, binding)
        source = binding.outside
        realm = box.realm


def arrive(realm: Realm, protocol: Protocol, source: TcpAddress, target: TcpAddress, now: float) -> Landing | None:
    """Let a packet arrive at whoever has its address in `realm` now; None if a box drops it or nobody has it."""
    bindings: tuple[Binding, ...] = ()
    here = realm.at(target.ip)
    while isinstance(here, NatBox):
        binding = here.inbound(protocol, target.port, source, now)
        if binding is None:
            return None
        bindings = (*bindings, binding)
        target = binding.inside
        here = here.lan.at(target.ip)
    return None if here is None or not here.up else Landing(here, target, bindings)  # type: ignore[arg-type]  # a host


def end_of(realm: Realm, protocol: Protocol, target: TcpAddress) -> Site | None:
    """The machine to which a packet would go if the boxes let it in, or the box at which it ends; None: nobody."""
    site = realm.at(target.ip)
    while isinstance(site, NatBox):
        binding = site.behind(protocol, target.port)
        inside = site.lan.at(binding.inside.ip) if binding is not None else None
        if binding is None or inside is None:
            break
        site, target = inside, binding.inside
    return site


__all__ = ["Landing", "Way", "arrive", "end_of", "leave"]
