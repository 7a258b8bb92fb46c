"""What this machine's DNS is authoritative for, and which host names are names of the system.

Invariant: DNS answers, TLS certificates and HTTP hosts are judged by this one function, so that a host name which
resolves is one that has a certificate and a tunnel, and no other does. Knows nothing of DNS messages or HTTP.
"""

import enum
from collections.abc import Sequence

import attrs

from beam_actors.errors import InvalidName, InvalidValue
from beam_actors.values import Name, OwnerId


class Place(enum.Enum):
    """Where a host name stands."""

    OUTSIDE = "outside"
    """Below none of the suffixes."""
    APEX = "apex"
    """A suffix itself."""
    SERVER = "server"
    """`ns.<suffix>`, the name server that the apex names."""
    OWNER = "owner"
    """`<owner id>.<suffix>`: nothing is there, but names may be below it (an empty non-terminal, RFC 8020)."""
    NAME = "name"
    """Something that `naming` can be asked for."""
    NOTHING = "nothing"
    """Below a suffix, and can never be a name."""


@attrs.frozen(slots=True)
class Spot:
    """A judged host name: where it stands, below which suffix, and what to ask `naming` for if it is a name."""

    place: Place
    suffix: str = ""
    text: str = ""
    """`label` or `label.<owner id>`, lower-case, without the suffix; empty unless `place` is NAME."""

    @property
    def label(self) -> str:
        """The name alone, without owner and suffix."""
        return self.text.partition(".")[0]

    @property
    def mdns(self) -> bool:
        """Whether a device of the LAN may have this name (RFC 6762 section 3)."""
        return self.suffix == "local" and "." not in self.text

    @property
    def host(self) -> str:
        """The full host name of a name."""
        return f"{self.text}.{self.suffix}"


@attrs.frozen(slots=True)
class Zone:
    """The suffixes, each one lower-case label without dots."""

    suffixes: tuple[str, ...] = attrs.field()

    @suffixes.validator
    def _check(self, _attribute: object, value: tuple[str, ...]) -> None:
        for suffix in value:
            if not suffix or len(suffix) > 63 or not suffix.isascii() or not suffix.replace("-", "").isalnum():
                raise InvalidValue(f"{suffix!r} is not a suffix: it is one label such as 'local'.")
            if suffix != suffix.lower():
                raise InvalidValue(f"The suffix {suffix!r} must be in lower case.")
        if not value or len(set(value)) != len(value):
            raise InvalidValue("At least one suffix is needed, and none twice.")

    def spot(self, labels: Sequence[bytes]) -> Spot:
        """Judge the labels of a DNS name, as they came from the wire (any bytes, either case)."""
        words = [label.decode("latin-1").lower() if label.isascii() else "?" for label in labels]
        if not words or words[-1] not in self.suffixes:
            return Spot(Place.OUTSIDE)
        suffix = words.pop()
        if not words:
            return Spot(Place.APEX, suffix)
        if words == ["ns"]:
            return Spot(Place.SERVER, suffix)
        owner = words.pop() if _is_owner(words[-1]) else ""
        if not words:
            return Spot(Place.OWNER, suffix)
        if len(words) > 1 or not _is_name(words[0]):
            return Spot(Place.NOTHING, suffix)
        return Spot(Place.NAME, suffix, f"{words[0]}.{owner}" if owner else words[0])

    def spot_host(self, host: str) -> Spot:
        """Judge a host name as it stands in SNI or a Host field, without port; one dot at its end is ignored."""
        if not host or len(host) > 254 or not host.isascii():
            return Spot(Place.OUTSIDE)
        return self.spot(host.removesuffix(".").encode("ascii").split(b"."))


def _is_name(word: str) -> bool:
    try:
        Name(word)
    except InvalidName:
        return False
    return True


def _is_owner(word: str) -> bool:
    try:
        OwnerId.parse(word)
    except InvalidValue:
        return False
    return True
