"""How this room writes what it keeps: tables and values of the store, which knows none of them (pure).

    tunnels     key of the tunnel     its target, name, port, access, and the run it ends with
    forwards    key of the forward    its destination, port and local address

An ephemeral tunnel is stored with the id of the run of the daemon in which it was offered, so that it survives a crash
of its actors; a later run throws it away, a minute after its start. Every record begins with the version of its format.
Invariant: what is read back is what was written, or it is refused by `UsageError`.
"""

from beam_actors.errors import UsageError
from beam_actors.tunnels.spec import MAX_DESTINATION, ForwardSpec, TunnelSpec
from beam_actors.values import EVERYONE, MAX_PEERS, Access, Name, PeerId, Record, TcpAddress, encode_record

TUNNELS_TABLE = "tunnels"
FORWARDS_TABLE = "forwards"
VERSION = 1
MAX_BYTES = 8 * 1024


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


def decode_name(data: bytes) -> Name | None:
    """The name of a stored tunnel, of whichever run; None without one, and when the record can't be read."""
    try:
        return Name(Record.decode(data, limit=MAX_BYTES).text("name", limit=64))
    except UsageError:
        return None


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
