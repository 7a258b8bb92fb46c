"""Addresses of peers as libp2p writes them: `/ip4/192.0.2.1/tcp/4001/p2p/12D3Koo…`.

Source: multiformats/multiaddr and its protocols.csv. Only what a peer of ours can use or pass on is understood:
ip4, ip6, dns, dns4, dns6, tcp, udp, p2p and p2p-circuit. An address with anything else is refused as a whole, so
foreign peers' QUIC or WebSocket addresses are skipped by their reader, never half-understood.
"""

import ipaddress
from collections.abc import Iterator

import attrs

from beam_actors.errors import InvalidValue
from beam_actors.values.address import TcpAddress
from beam_actors.values.peer_id import PeerId
from beam_actors.values.varint import decode_uvarint, encode_uvarint

MAX_BYTES = 512
MAX_PARTS = 12
_CODES = {"ip4": 4, "tcp": 6, "ip6": 41, "dns": 53, "dns4": 54, "dns6": 55, "udp": 273, "p2p-circuit": 290, "p2p": 421}
_NAMES = {code: name for name, code in _CODES.items()}
_FIXED_SIZE = {"ip4": 4, "ip6": 16, "tcp": 2, "udp": 2, "p2p-circuit": 0}
_ALIASES = {"ipfs": "p2p"}


def _pack(name: str, value: str) -> bytes:
    match name:
        case "ip4":
            return ipaddress.IPv4Address(value).packed
        case "ip6":
            if "%" in value:  # `packed` would drop the zone silently
                raise InvalidValue(f"{value!r} names a network interface.")
            return ipaddress.IPv6Address(value).packed
        case "tcp" | "udp":
            if not (value.isascii() and value.isdigit() and len(value) <= 5 and int(value) <= 65535):
                raise InvalidValue(f"{value!r} is not a port.")
            return int(value).to_bytes(2, "big")
        case "p2p":
            return PeerId.parse(value).multihash
        case _:
            if not value.isascii() or not 0 < len(value) <= 253 or not value.isprintable() or " " in value:
                raise InvalidValue(f"{value!r} is not a host name.")
            return value.encode("ascii")


def _unpack(name: str, data: bytes) -> str:
    match name:
        case "ip4":
            return str(ipaddress.IPv4Address(data))
        case "ip6":
            return str(ipaddress.IPv6Address(data))
        case "tcp" | "udp":
            return str(int.from_bytes(data, "big"))
        case "p2p":
            return str(PeerId.from_multihash(data))
        case "p2p-circuit":
            return ""
        case _:
            text = data.decode("ascii")
            _pack(name, text)
            if "/" in text:
                raise InvalidValue("A host name holds no slash.")
            return text


@attrs.frozen(slots=True, repr=False, order=True)
class Multiaddr:
    """A validated sequence of (protocol, value) parts; equal when their canonical texts are equal."""

    parts: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> "Multiaddr":
        """Parse the text form; raise `InvalidValue` with the offending part."""
        if len(text) > 2 * MAX_BYTES or not text.startswith("/"):
            raise InvalidValue(f"{text[:80]!r} is not an address such as /ip4/192.0.2.7/tcp/4747.")
        words = iter(text[1:].rstrip("/").split("/"))  # a slash at the end is tolerated, as go-multiaddr does
        parts: list[tuple[str, str]] = []
        for word in words:
            name = _ALIASES.get(word, word)
            if name not in _CODES:
                raise InvalidValue(f"{text!r}: the protocol {word!r} is not supported.")
            value = "" if name == "p2p-circuit" else next(words, "")
            try:
                value = _unpack(name, _pack(name, value)) if name != "p2p-circuit" else ""
            except ValueError as error:
                raise InvalidValue(f"{text!r}: {value!r} is not a value for /{word}.") from error
            parts.append((name, value))
        return cls._checked(parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Multiaddr":
        """Read the binary form (at most 512 bytes); raise `InvalidValue`."""
        if len(data) > MAX_BYTES:
            raise InvalidValue("A multiaddr is longer than 512 bytes.")
        return cls._checked(list(cls._read_parts(bytes(data))))

    @classmethod
    def from_address(cls, address: TcpAddress, peer: PeerId | None = None) -> "Multiaddr":
        """The TCP multiaddr of an address, with `/p2p/` if a peer is given."""
        ip = "ip6" if ":" in address.ip else "ip4"
        parts = [(ip, address.ip), ("tcp", str(address.port))]
        if peer is not None:
            parts.append(("p2p", str(peer)))
        return cls._checked(parts)

    @classmethod
    def _checked(cls, parts: list[tuple[str, str]]) -> "Multiaddr":
        if not 0 < len(parts) <= MAX_PARTS:
            raise InvalidValue(f"A multiaddr has 1 to {MAX_PARTS} parts.")
        return cls(tuple(parts))

    @staticmethod
    def _read_parts(data: bytes) -> Iterator[tuple[str, str]]:
        offset = 0
        while offset < len(data):
            code, offset = _read_uvarint(data, offset)
            name = _NAMES.get(code)
            if name is None:
                raise InvalidValue(f"The multiaddr protocol {code} is not supported.")
            size = _FIXED_SIZE.get(name)
            if size is None:
                size, offset = _read_uvarint(data, offset)
            value = data[offset : offset + size]
            if len(value) != size:
                raise InvalidValue("A multiaddr is cut short.")
            offset += size
            try:
                yield name, _unpack(name, value)
            except ValueError as error:
                raise InvalidValue(f"A multiaddr holds a bad value for /{name}.") from error

    def to_bytes(self) -> bytes:
        """The binary form."""
        out = bytearray()
        for name, value in self.parts:
            packed = b"" if name == "p2p-circuit" else _pack(name, value)
            out += encode_uvarint(_CODES[name])
            if name not in _FIXED_SIZE:
                out += encode_uvarint(len(packed))
            out += packed
        return bytes(out)

    @property
    def peer(self) -> PeerId | None:
        """The peer that the last `/p2p/` part names: the one a dial must find at the other end."""
        return PeerId.parse(self.parts[-1][1]) if self.parts[-1][0] == "p2p" else None

    @property
    def without_peer(self) -> "Multiaddr":
        """The address without its last `/p2p/` part; raise `InvalidValue` if nothing else is left."""
        return Multiaddr._checked(list(self.parts[:-1])) if self.parts[-1][0] == "p2p" else self

    @property
    def tcp(self) -> TcpAddress | None:
        """The address to dial if this is plain TCP over an IP literal, else None."""
        parts = self.parts[:-1] if self.parts[-1][0] == "p2p" else self.parts
        if len(parts) == 2 and parts[0][0] in {"ip4", "ip6"} and parts[1][0] == "tcp":
            return TcpAddress(parts[0][1], int(parts[1][1]))
        return None

    def __str__(self) -> str:
        return "".join(f"/{name}/{value}" if value else f"/{name}" for name, value in self.parts)

    def __repr__(self) -> str:
        return f"Multiaddr({self})"


def _read_uvarint(data: bytes, offset: int) -> tuple[int, int]:
    decoded = decode_uvarint(data, offset)
    if decoded is None:
        raise InvalidValue("A multiaddr is cut short.")
    return decoded
