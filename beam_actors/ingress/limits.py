"""The bounds of this room, in one place: what a local program or a hostile page may make it hold, and for how long."""

import attrs


@attrs.frozen(slots=True, kw_only=True)
class IngressLimits:
    """Counts, bytes and seconds. The defaults serve one person's machine with many tabs open."""

    web_connections: int = 1024
    """Connections that HTTPS or HTTP holds before they are spliced; further ones are reset."""
    head_bytes: int = 32 * 1024
    """A request head; a longer one is answered 431."""
    head_fields: int = 100
    """Header fields in a head; more are answered 431."""
    head_seconds: float = 10.0
    """From accepting a connection to the end of its first head, TLS handshake included."""
    open_seconds: float = 5.0
    """Until a tunnel is open; then 504. People wait, and a browser shows nothing meanwhile."""
    farewell_seconds: float = 5.0
    """For writing a page to a client that may not read it."""
    lookup_seconds: float = 4.0
    """One look-up of a name; below the 5 s after which stub resolvers ask again (resolv.conf(5))."""
    lookups: int = 256
    """Names being looked up at once; further ones fail."""
    waiters: int = 256
    """Askers that share one look-up; further ones fail."""
    dns_pending: int = 1024
    """UDP questions waiting for a look-up; further ones are dropped, as UDP permits."""
    dns_connections: int = 64
    """DNS connections over TCP."""
    dns_pipeline: int = 16
    """Questions under way on one DNS connection (RFC 7766 section 6.2.1.1)."""
    dns_idle_seconds: float = 10.0
    """A DNS connection without a question is closed (RFC 7766 section 6.2.3)."""
    dns_replies: int = 4096
    """Packed replies kept, about 300 bytes each."""
    bound_addresses: int = 1024
    """Loopback addresses that a server listens on at once; the least recently asked for is given up."""
    addresses: int = 60_000
    """Names that have a loopback address; the least recently asked for loses it."""
    leaves: int = 1024
    """Leaf certificates kept."""
