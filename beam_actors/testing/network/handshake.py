"""A dial: TCP's three packets (RFC 9293, section 3.5), each of which may be lost.

The invariant: a dial ends once, in a connection, a refusal, or silence after the network's patience; until then its
first packet is sent again and again. Two ends that dial each other from and to the same two addresses meet in one
connection, as hole punching needs. It knows no stream.
"""

from typing import TYPE_CHECKING

import trio

from beam_actors.testing.agenda import Action
from beam_actors.testing.network.fabric import Packet
from beam_actors.testing.network.routes import Landing, leave
from beam_actors.values import TcpAddress

if TYPE_CHECKING:
    from beam_actors.testing.network.endpoint import VirtualEndpoint
    from beam_actors.testing.network.host import VirtualHost

_FIRST_RETRY = 1.0
"""Seconds until a SYN is sent again; each wait is twice the last (RFC 6298, section 2)."""


class Handshake:
    """What the dialling end does until it is connected."""

    __slots__ = ("_end", "_gives_up_at", "_local", "_remote", "_wait")

    def __init__(self, end: "VirtualEndpoint", local: TcpAddress, remote: TcpAddress) -> None:
        self._end = end
        self._local = local
        self._remote = remote
        self._wait = _FIRST_RETRY
        self._gives_up_at = trio.current_time() + end.host.network.fabric.patience

    def knock(self) -> None:
        """Send the first packet, and see to it that it is sent again."""
        end, host, now = self._end, self._end.host, trio.current_time()
        if not end.is_waiting:
            return
        if now >= self._gives_up_at:
            end.give_up()
            return
        fabric = host.network.fabric
        if host.is_own(self._remote.ip):
            self._arrive(self._local, Landing(host, self._remote))
        elif end.is_reachable(now):
            way = leave(host.realm, "tcp", self._local, self._remote, now)
            end.bindings = way.bindings
            fabric.cast(
                Packet(host, way, "tcp", self._remote, 0, lambda landing: self._arrive(way.source, landing))
            )  # fmt: skip
        if end.is_waiting:
            fabric.agenda.add(min(now + self._wait, self._gives_up_at), self.knock)
            self._wait *= 2

    def _arrive(self, source: TcpAddress, landing: Landing) -> None:
        """The first packet is there: who answers?"""
        end, there = self._end, landing.host
        if not end.is_usable:
            return
        other = there.connection(landing.local, source)
        if other is end:
            end.on_reset()  # a dial from and to one and the same address, where nobody listens
        elif other is None:
            listener = there.listeners.at(landing.local)
            if listener is None:
                self._reply(there, end.on_reset)
            elif listener.has_room:
                accepted = listener.offer(end, landing.local, source)
                accepted.bindings = landing.bindings
                self._answer(accepted)
        elif other.peer is end:
            self._answer(other)
        elif other.is_dialling and other.peer is None:
            other.bindings = landing.bindings
            other.join(end)
            self._answer(other)
        else:
            other.on_reset()  # a connection that this machine forgot: the next attempt finds room (RFC 5961, section 4)

    def _answer(self, other: "VirtualEndpoint") -> None:
        """Send the second packet."""
        self._reply(other.host, lambda: self._meet(other))

    def _meet(self, other: "VirtualEndpoint") -> None:
        """The second packet is back."""
        end = self._end
        if not end.is_usable:
            end.host.network.fabric.answer(end.host, other, other.on_reset)
        elif end.is_waiting and other.peer is end:
            end.establish()

    def _reply(self, there: "VirtualHost", action: Action) -> None:
        there.network.fabric.answer(there, self._end, action)
