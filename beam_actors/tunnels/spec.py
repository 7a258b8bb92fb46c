"""What is offered and what is forwarded, as values with a durable form (pure).

A tunnel is known by its `key`, which says what it serves: `byronwade.http`, `db.5432`, `_.8022` for one without a
name. HTTP occupies ports 80 and 443 of its name, and no two tunnels of a node share a port of a name. An ephemeral
tunnel ends with the run of the daemon in which it was offered: it is stored with the id of that run, so that it
survives a crash of its actors, and a later run throws it away.
"""

import attrs

from beam_actors.errors import TunnelNotFound, UsageError
from beam_actors.tunnels.access import EVERYONE, MAX_PEERS, Access
from beam_actors.values import Name, PeerId, Record, TcpAddress, encode_record

TUNNELS_TABLE = "tunnels"
FORWARDS_TABLE = "forwards"
VERSION = 1
HTTP_PORTS = (80, 443)
MAX_BYTES = 8 * 1024
MAX_DESTINATION = 1024


def parse_target(text: str) -> TcpAddress:
    """Read `PORT` (on this machine) or `HOST:PORT` with an IP literal or `localhost`; raise `UsageError`."""
    address = TcpAddress.parse(text if ":" in text else f"127.0.0.1:{text}")
    if address.port == 0:
        raise UsageError(f"{text!r} is not a target: nothing listens on port 0.")
    return address


@attrs.frozen(slots=True, kw_only=True)
class TunnelSpec:
    """One offered service."""

    target: TcpAddress
    """The only address that the tunnel ever leads to."""
    name: Name | None = None
    """The name it is reached by; None: by the peer's id alone."""
    port: int | None = None
    """None: HTTP, on ports 80 and 443; else raw TCP on this port."""
    access: Access = EVERYONE
    kept: bool = True
    """Whether a restart of the daemon keeps it."""

    def __attrs_post_init__(self) -> None:
        """Refuse what can never be served."""
        if self.target.port == 0 or self.target.is_wildcard:
            raise UsageError(f"A tunnel cannot lead to {self.target}.")
        if self.port is not None and not 1 <= self.port <= 65535:
            raise UsageError(f"{self.port} is not a port (1 to 65535).")

    @classmethod
    def offer(
        cls,
        target: str,
        *,
        name: str | None = None,
        port: int | None = None,
        allow: tuple[str, ...] = (),
        kept: bool = True,
    ) -> "TunnelSpec":
        """Build it from what a person typed; raise `UsageError` with what to change."""
        if port is not None and not allow:
            raise UsageError(f"Say who may use raw port {port}: --allow PEER (may repeat), or --allow everyone.")
        return cls(
            target=parse_target(target),
            name=Name.parse(name) if name is not None else None,
            port=port,
            access=Access.parse(allow) if allow else EVERYONE,
            kept=kept,
        )

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports of the name that it answers on."""
        return HTTP_PORTS if self.port is None else (self.port,)

    def serves_as(self, other: "TunnelSpec") -> bool:
        """Whether it offers the same to the same, for however long."""
        return attrs.evolve(self, kept=other.kept) == other

    @property
    def key(self) -> str:
        """What it is known by; fit for an actor's path."""
        return f"{self.name or '_'}.{self.port or 'http'}"


@attrs.frozen(slots=True, kw_only=True)
class ForwardSpec:
    """One local port that leads to a service elsewhere, until it is taken back."""

    destination: str
    """A name, a peer id or a multiaddr with `/p2p/`, as a person typed it."""
    port: int
    listen: TcpAddress

    def __attrs_post_init__(self) -> None:
        """Refuse what can never be served."""
        if not 0 < len(self.destination) <= MAX_DESTINATION or not self.destination.isprintable():
            raise UsageError("Say where the forward leads: a name or a peer id.")
        if not 1 <= self.port <= 65535:
            raise UsageError(f"{self.port} is not a port (1 to 65535).")

    @property
    def key(self) -> str:
        """What it is known by; fit for an actor's path."""
        return forward_key(self.listen)


def forward_key(listen: TcpAddress) -> str:
    """The key of the forward that listens there."""
    host = "".join(char if char.isalnum() or char == "." else "-" for char in listen.ip)
    return f"{host}.{listen.port}"


def encode_tunnel(spec: TunnelSpec, run: bytes) -> bytes:
    """The record of a tunnel in the store; `run` is the id of the daemon's present run."""
    peers = spec.access.peers
    return encode_record(
        {
            "v": VERSION,
            "target": str(spec.target),
            "name": "" if spec.name is None else spec.name.label,
            "port": spec.port or 0,
            "allow": None if peers is None else [peer.multihash for peer in sorted(peers)],
            "run": b"" if spec.kept else run,
        }
    )


def decode_tunnel(data: bytes, run: bytes) -> TunnelSpec | None:
    """Read a stored tunnel; None when it was ephemeral and of another run.

    Raises:
        InvalidValue: the record is damaged or of a newer version.
    """
    record = Record.decode(data, limit=MAX_BYTES)
    record.integer("v", least=VERSION, most=VERSION)
    made_in = record.data("run", limit=64)
    if made_in not in {b"", run}:
        return None
    label = record.text("name", limit=64)
    access = EVERYONE
    if record.has("allow"):
        access = Access(frozenset(map(PeerId.from_multihash, record.parts("allow", limit=MAX_PEERS, size=64))))
    return TunnelSpec(
        target=TcpAddress.parse(record.text("target", limit=128)),
        name=Name(label) if label else None,
        port=record.integer("port", most=65535) or None,
        access=access,
        kept=not made_in,
    )


def encode_forward(spec: ForwardSpec) -> bytes:
    """The record of a forward in the store."""
    return encode_record({"v": VERSION, "destination": spec.destination, "port": spec.port, "listen": str(spec.listen)})


def decode_forward(data: bytes) -> ForwardSpec:
    """Read what `encode_forward` wrote; raise `InvalidValue` or `UsageError` for anything else."""
    record = Record.decode(data, limit=MAX_BYTES)
    record.integer("v", least=VERSION, most=VERSION)
    return ForwardSpec(
        destination=record.text("destination", limit=MAX_DESTINATION),
        port=record.integer("port", least=1, most=65535),
        listen=TcpAddress.parse(record.text("listen", limit=128)),
    )


class Catalogue:
    """The tunnels of one node by key; answers which of them a request means."""

    def __init__(self, limit: int) -> None:
        self._specs: dict[str, TunnelSpec] = {}
        self._limit = limit

    def __repr__(self) -> str:
        return f"Catalogue({', '.join(sorted(self._specs)) or 'nothing'})"

    def __len__(self) -> int:
        return len(self._specs)

    def get(self, key: str) -> TunnelSpec | None:
        """The tunnel of that key."""
        return self._specs.get(key)

    @property
    def specs(self) -> tuple[TunnelSpec, ...]:
        """All of them, by key."""
        return tuple(self._specs[key] for key in sorted(self._specs))

    def add(self, spec: TunnelSpec) -> None:
        """Take a tunnel in, or raise `UsageError` if it would share a port of its name with another."""
        for other in self._specs.values():
            if other.name == spec.name and set(other.ports) & set(spec.ports):
                where = f"{spec.name}" if spec.name else "this peer"
                raise UsageError(
                    f"{where} already serves {other.target} as {other.key}; take it back with `beam unexpose "
                    f"{other.key}`, or choose another --port or --name."
                )
        if len(self._specs) >= self._limit:
            raise UsageError(f"This node offers {self._limit} tunnels already; take one back with `beam unexpose`.")
        self._specs[spec.key] = spec

    def replace(self, spec: TunnelSpec) -> None:
        """Put a tunnel in the place of the one with its key."""
        self._specs[spec.key] = spec

    def remove(self, key: str) -> TunnelSpec | None:
        """Forget a tunnel; None if there was none."""
        return self._specs.pop(key, None)

    def select(self, text: str) -> TunnelSpec:
        """The tunnel that a person means by a key, a name, a target or a port of this machine.

        Raises:
            TunnelNotFound: none, or more than one.
        """
        if text in self._specs:
            return self._specs[text]
        meant = [
            spec
            for spec in self.specs
            if (spec.name is not None and text.lower() == spec.name.label)
            or text in {str(spec.target), f"localhost:{spec.target.port}"}
            or (text == str(spec.target.port) and spec.target.is_loopback)
        ]
        if len(meant) == 1:
            return meant[0]
        if meant:
            keys = ", ".join(spec.key for spec in meant)
            raise TunnelNotFound(f"{text!r} may mean several tunnels: say which of {keys}.")
        raise TunnelNotFound(f"There is no tunnel {text[:80]!r} here; `beam tunnels` lists them.")

    def find(self, name: Name | None, port: int) -> TunnelSpec | None:
        """The tunnel that serves `port` of `name`.

        Without a name, the tunnel without one is meant, or else the only one that serves the port.
        """
        serving = [spec for spec in self._specs.values() if port in spec.ports]
        exact = [spec for spec in serving if spec.name == name]
        if exact:
            return exact[0]
        return serving[0] if name is None and len(serving) == 1 else None
