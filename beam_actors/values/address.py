"""Where an endpoint is: an IP literal and a port, or the path of a Unix socket; never a host name."""

import functools
import ipaddress

import attrs

from beam_actors.errors import InvalidValue


def _ip(value: str) -> str:  # a field's converter has to be a function
    return _canonical(value)


@functools.lru_cache(maxsize=1024)  # each connection has two addresses, of the same few machines
def _canonical(value: str) -> str:
    if "%" in value:  # a zone has a meaning on one machine only, and any text could stand in it
        raise InvalidValue(f"{value!r} names a network interface; write the address without it.")
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise InvalidValue(f"{value!r} is not an IP address.") from None


def check_port(value: int) -> int:
    """Return `value` if it is a port (0 means "any free one" where one is bound); raise `InvalidValue`."""
    if not 0 <= value <= 65535:
        raise InvalidValue(f"{value} is not a port (0 to 65535).")
    return value


@attrs.frozen(slots=True, order=True)
class TcpAddress:
    """An IPv4 or IPv6 literal and a TCP or UDP port."""

    ip: str = attrs.field(converter=_ip)
    port: int = attrs.field(converter=check_port)

    @classmethod
    def parse(cls, text: str) -> "TcpAddress":
        """Parse `HOST:PORT` or `[V6]:PORT`; `localhost` means 127.0.0.1."""
        host, separator, port = text.rpartition(":")
        if not separator or not port.isascii() or not port.isdigit() or len(port) > 5:
            raise InvalidValue(f"{text!r} is not HOST:PORT, such as 127.0.0.1:8443.")
        if host == "localhost":
            host = "127.0.0.1"
        bracketed = host.startswith("[") and host.endswith("]")
        if bracketed != (":" in host):  # RFC 3986 §3.2.2; without brackets ::1:80 is an address of its own
            raise InvalidValue(f"{text!r} is not HOST:PORT; an IPv6 address stands in brackets.")
        return cls(host[1:-1] if bracketed else host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can reach it."""
        return ipaddress.ip_address(self.ip).is_loopback

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for all addresses of the machine."""
        return ipaddress.ip_address(self.ip).is_unspecified

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@attrs.frozen(slots=True, order=True)
class UnixAddress:
    """The path of a Unix socket, at most 100 bytes so that every platform takes it."""

    path: str = attrs.field()

    @path.validator
    def _check(self, _attribute: object, value: str) -> None:
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            raise InvalidValue(f"A Unix socket's path is text in UTF-8: {value!r}.") from None
        if not 0 < size <= 100 or "\0" in value:
            raise InvalidValue(f"A Unix socket's path has 1 to 100 bytes, none of them zero: {value!r}.")

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = TcpAddress | UnixAddress
