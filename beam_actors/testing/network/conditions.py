"""What one direction between two machines does to packets: the numbers, without the dice.

The invariant: every number is one that a network can have; a probability is in [0, 1]. It draws nothing.
"""

import attrs

from beam_actors.errors import InvalidValue


def _at_least_zero(_owner: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not 0 <= value < float("inf"):
        raise InvalidValue(f"{attribute.name} of a link can't be {value}.")


def _probability(_owner: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not 0 <= value <= 1:
        raise InvalidValue(f"{attribute.name} of a link is a probability from 0 to 1, not {value}.")


def _positive(_owner: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not 0 < value < float("inf"):
        raise InvalidValue(f"{attribute.name} of a link can't be {value}.")


@attrs.frozen(slots=True)
class Conditions:
    """One direction of one link.

    Datagrams are lost, doubled and overtaken as it says. A stream's bytes are not: TCP makes of each of these a delay.
    """

    latency: float = attrs.field(default=0.001, validator=_at_least_zero)
    """Seconds, one way."""
    jitter: float = attrs.field(default=0.0, validator=_at_least_zero)
    """Up to so many seconds more, evenly spread."""
    loss: float = attrs.field(default=0.0, validator=_probability)
    """The share of packets that is lost."""
    duplicate: float = attrs.field(default=0.0, validator=_probability)
    """The share of packets that arrives twice."""
    reorder: float = attrs.field(default=0.0, validator=_probability)
    """The share of packets that takes a longer way, of up to twice the latency, so that later ones overtake it."""
    bandwidth: float | None = attrs.field(default=None, validator=attrs.validators.optional(_positive))
    """Bytes a second; None is without bound."""
    burst: float = attrs.field(default=1.0, validator=_positive)
    """How many packets are lost in a row, on average (Gilbert's model of 1960); at 1 each is lost by its own dice."""
    queue: float = attrs.field(default=0.2, validator=_at_least_zero)
    """How long the queue before a bandwidth gets, in seconds; a datagram that would wait longer is dropped.

    The bytes of streams wait in their senders' kernels instead, as many as a connection's buffer holds.
    """


__all__ = ["Conditions"]
