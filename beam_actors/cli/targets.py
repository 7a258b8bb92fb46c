"""What people write for a local service, for where a forward listens and for its far end (pure)."""

from collections.abc import Callable

import attrs

from beam_actors.cli.typed import NAME_SCHEMES, Pasted, check_whole, is_port, name_of
from beam_actors.errors import InvalidValue, UsageError

_LOCALHOST = "127.0.0.1"
_EVERYWHERE = {"0.0.0.0": _LOCALHOST, "[::]": "[::1]"}  # noqa: S104 (what a server prints that listens so)
"""What a server prints that listens at all addresses of its machine -> where it is reached on it."""
_SHOWN = 80


def parse_target(text: str) -> str:
    """`3000`, `HOST:PORT` or `http://HOST:PORT` as `HOST:PORT`; raise `UsageError` when it is none of them."""
    pasted = Pasted.split(text)
    host, port = pasted.host, pasted.port
    if pasted.scheme is None and port is None:
        host, port = _LOCALHOST, host
    shown = repr(text[:_SHOWN])
    if pasted.scheme not in {None, "http"}:
        raise UsageError(
            f"{shown} can't be offered: what is offered speaks plain HTTP on this machine, such as "
            "http://localhost:3000, or anything else as a raw port (--port N)."
        )
    port = "80" if port is None else port
    if not is_port(port) or int(port) == 0:
        raise UsageError(f"{shown} is not a local service: give its port (1 to 65535), such as 3000, or HOST:PORT.")
    host = _LOCALHOST if host.lower() == "localhost" else _EVERYWHERE.get(host, host)
    if not _is_host(host):
        raise UsageError(f"{shown} is not a local service: HOST is localhost or the IP address of one machine.")
    target = f"{host}:{int(port)}"
    if pasted.rest not in {"", "/"}:
        plain = target.replace(f"{_LOCALHOST}:", "localhost:")
        raise UsageError(
            f"All of {plain} is offered, and not {pasted.rest[:_SHOWN]} alone: say {plain} if you mean that."
        )
    return target


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
    """The far end of a forward: a name, a peer id or a peer's address, and a port when one was given."""

    who: str
    port: int | None


def parse_destination(text: str) -> Destination:
    """`NAME-OR-PEER[:PORT]`, `/…/p2p/PEER[:PORT]` or the address of a name; raise `UsageError`.

    The port of an http or https address is that of the web server of the machine where it was copied, whatever it is,
    and means the web site of the name.
    """
    text = text.strip()
    check_whole(text)
    if text.startswith("/"):
        who, _colon, port = text.rpartition(":")
        has_port = "/p2p/" in who and is_port(port) and int(port) > 0  # an IPv6 address has colons, too
        return Destination(who, int(port)) if has_port else Destination(text, None)
    pasted = Pasted.split(text)
    if pasted.scheme is not None:
        who = name_of(text)
        if pasted.scheme == "tcp" and not pasted.has_port:
            raise UsageError(f"{text[:_SHOWN]!r} lacks the port: {NAME_SCHEMES[-1]}://NAME:PORT, or NAME:PORT.")
        return Destination(who, int(pasted.port) if pasted.scheme == "tcp" and pasted.port else None)
    if not pasted.host or (pasted.port is not None and not pasted.has_port):
        raise UsageError(f"{text[:_SHOWN]!r} is not NAME, PEER, NAME:PORT or PEER:PORT.")
    return Destination(pasted.host, None if pasted.port is None else int(pasted.port))


def parse_listen(text: str) -> str:
    """`[HOST:]PORT` where a forward listens, as `HOST:PORT`; port 0 takes any free one. Raise `UsageError`.

    `http://localhost:8080`, which is how it will be opened, means the same.
    """
    pasted = Pasted.split(text)
    host, port = pasted.host, pasted.port
    if pasted.scheme is None and port is None:
        host, port = _LOCALHOST, host
    if (
        not host
        or port is None
        or not is_port(port)
        or pasted.scheme not in {None, "http"}
        or pasted.rest not in {"", "/"}
    ):
        raise UsageError(f"{text[:_SHOWN]!r} is not a local port such as 8080, or HOST:PORT.")
    return f"{_LOCALHOST if host.lower() == 'localhost' else host}:{int(port)}"


def tunnel_selector(text: str) -> str:
    """Which tunnel is meant, as the daemon knows it: pasted addresses become HOST:PORT or a name."""
    return _selector(text, parse_target)


def forward_selector(text: str) -> str:
    """Which forward is meant, likewise. Where it listens is its own address, also one that is all of a machine's."""
    return _selector(text, _parse_listening)


def _selector(text: str, parse: Callable[[str], str]) -> str:
    text = text.strip()
    pasted = Pasted.split(text)
    if pasted.scheme is None and pasted.port is None:
        return name_of(text)
    try:
        return parse(text)
    except UsageError:  # NAME:PORT is one of those of a name
        return text if pasted.scheme is None and not pasted.rest else name_of(text)


def _parse_listening(text: str) -> str:
    """Where a forward listens, as `parse_listen` reads it; raise `UsageError` for what is no address of a machine."""
    from beam_actors.values import TcpAddress  # noqa: PLC0415 (50 ms that only one command needs)

    try:
        return str(TcpAddress.parse(parse_listen(text)))
    except InvalidValue as error:
        raise UsageError(str(error)) from None
