"""What people write for a local service and for the far end of a forward (pure)."""

import attrs

from beam_actors.errors import UsageError

_LOCALHOST = "127.0.0.1"


def parse_target(text: str) -> str:
    """`3000` or `HOST:PORT` as `HOST:PORT`; raise `UsageError` when it is neither."""
    host, separator, port = text.rpartition(":")
    if not separator:
        host, port = _LOCALHOST, text
    if not port.isascii() or not port.isdigit() or len(port) > 5 or not 0 < int(port) <= 65535:
        raise UsageError(f"{text!r} is not a local service: give its port (1 to 65535), such as 3000, or HOST:PORT.")
    host = _LOCALHOST if host == "localhost" else host
    if not _is_host(host):
        raise UsageError(f"{text!r} is not a local service: HOST is localhost or the IP address of one machine.")
    return f"{host}:{int(port)}"


def _is_host(text: str) -> bool:
    """Whether it is an IP address (v6 in brackets) that stands for one machine."""
    import ipaddress  # noqa: PLC0415 (a few milliseconds that `--help` need not pay)

    try:
        if text.startswith("[") and text.endswith("]"):
            return not ipaddress.IPv6Address(text[1:-1]).is_unspecified
        return not ipaddress.IPv4Address(text).is_unspecified
    except ValueError:
        return False


@attrs.frozen(slots=True)
class Destination:
    """The far end of a forward: a name or a peer id, and a port when one was given."""

    who: str
    port: int | None


def parse_destination(text: str) -> Destination:
    """`NAME-OR-PEER[:PORT]`; raise `UsageError`."""
    who, separator, port = text.rpartition(":")
    if not separator:
        return Destination(text, None)
    if not who or not port.isascii() or not port.isdigit() or len(port) > 5 or not 0 < int(port) <= 65535:
        raise UsageError(f"{text!r} is not NAME, PEER, NAME:PORT or PEER:PORT.")
    return Destination(who, int(port))


def parse_listen(text: str) -> str:
    """`[HOST:]PORT` where a forward listens, as `HOST:PORT`; port 0 takes any free one. Raise `UsageError`."""
    host, separator, port = text.rpartition(":")
    if not separator:
        host, port = _LOCALHOST, text
    if not host or not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65535:
        raise UsageError(f"{text!r} is not a local port such as 8080, or HOST:PORT.")
    return f"{_LOCALHOST if host == 'localhost' else host}:{int(port)}"
