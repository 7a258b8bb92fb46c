"""What the actors of this room say to each other. None of them carries a stream."""

import enum
from typing import Literal

import attrs

from beam_actors.ports import DatagramSocket
from beam_actors.values import TcpAddress

WebKind = Literal["https", "http"]


@attrs.frozen(slots=True)
class Lookup:
    """To the resolver. The reply is a `Located`.

    Raises:
        NameNotFound: nobody is known to hold the name.
        TimedOut, ResourceExhausted, ...: it is not known whether somebody does.
    """

    text: str
    """What to ask `naming` for: a `Spot.text`."""
    mdns: bool = False
    """Whether a device of the LAN may have that name: a label alone, asked for below `.local`."""


@attrs.frozen(slots=True)
class FindDevice:
    """To the devices. The reply is the IPv4 address of the device that answers to `<label>.local`, or None."""

    label: str
    patient: bool = False
    """Nobody is known to claim the name, so that a device may take longer to answer."""


@attrs.frozen(slots=True)
class Forget:
    """To the resolver, which tells the DNS server: what names lead to changed, so what is kept about them is void."""

    labels: frozenset[str] | None
    """The names without owner and suffix; `label.<owner id>` is meant too. None: all names."""


@attrs.frozen(slots=True)
class WhereBound:
    """To a server. The reply is the `TcpAddress` that it listens at."""


@attrs.frozen(slots=True)
class BindAgain:
    """From a server's own timer: its address was still taken by its incarnation before."""


@attrs.frozen(slots=True)
class TellFailures:
    """From the DNS server's own timer: say in the log how many look-ups failed since the last line about it."""


@attrs.frozen(slots=True)
class Serve:
    """To a web server: listen at its well-known port on this loopback address.

    The reply is a `Served`.
    """

    ip: str


class Served(enum.Enum):
    """Whether a web server listens at an address."""

    YES = "yes"
    NO = "no"
    """It does not, and does so at no other address either, now."""
    TAKEN = "taken"
    """Another program does, so that another address may do."""


@attrs.frozen(slots=True)
class Unserve:
    """To a web server: listen at that address no longer."""

    ip: str


@attrs.frozen(slots=True)
class ServerStarted:
    """From a web server to the resolver: its listeners of before are gone; say which are needed."""

    kind: WebKind


@attrs.frozen(slots=True)
class ShowRoot:
    """To the HTTPS server. The reply is a `RootCertificate`."""


@attrs.frozen(slots=True)
class RootCertificate:
    """The root certificate of the local CA."""

    path: str
    """The file that holds it, in PEM."""
    sha256: str
    """Its fingerprint, in lower-case hex."""
    permitted: tuple[str, ...]
    """The DNS suffixes that it may vouch for."""


@attrs.frozen(slots=True)
class Asked:
    """From the UDP callback to the DNS server: a question that no kept reply answers."""

    socket: DatagramSocket
    data: bytes
    sender: TcpAddress
