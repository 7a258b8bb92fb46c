"""The bounds of this room, in one place: what a local program or a hostile page may make it hold, and for how long."""

import attrs


@attrs.frozen(slots=True, kw_only=True)
class IngressLimits:
    """Counts, bytes and seconds. The defaults serve one person's machine with many tabs open."""

    web_connections: int = 1024
    """Connections that HTTPS or HTTP holds before they are spliced; a newcomer takes the place of the oldest whose
    request is not complete, or that got its page, and is reset if there is none."""
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
    lookups: int = 64
    """Names that peers are being asked for at once; further ones fail. Naming asks for as many at a time."""
    lookups_per_second: float = 20.0
    """The same a second: each one costs every connected peer an answer. Further ones fail."""
    lookups_burst: int = 100
    """The same at once, after a silence: a page that links to many machines."""
    device_grace: float = 0.05
    """Seconds for which a device of the LAN may answer before a name that somebody claims is given out."""
    device_patience: float = 0.3
    """The same when nobody is known to claim the name."""
    device_seconds: int = 120
    """For which a device's answer is kept, if it says no less."""
    device_absent_seconds: float = 60.0
    """For which it is kept that there is no such device."""
    devices: int = 1024
    """Names of which that is kept."""
    recalls: int = 2048
    """Names being looked for in this machine's memory at once; further ones fail."""
    waiters: int = 256
    """Askers that share one look-up; further ones fail."""
    dns_pending: int = 1024
    """UDP questions waiting for a look-up; further ones are dropped, as UDP permits."""
    dns_questions_per_second: float = 200.0
    """UDP questions that no kept reply answers, about names that were not found lately; further ones are dropped."""
    dns_questions_burst: int = 100
    """The same at once, after a silence."""
    dns_found: int = 4096
    """Names that were found lately, whose questions are never dropped for those of other names."""
    dns_report_seconds: float = 60.0
    """At most one line in the log for look-ups that failed in so long a time."""
    dns_connections: int = 64
    """DNS connections over TCP; a newcomer takes the place of the one that has asked nothing for longest."""
    dns_pipeline: int = 16
    """Questions under way on one DNS connection (RFC 7766 section 6.2.1.1)."""
    dns_idle_seconds: float = 10.0
    """A DNS connection without a question is closed (RFC 7766 section 6.2.3), and so is one whose question takes so
    long to arrive, however steadily it drips."""
    dns_replies: int = 4096
    """Packed replies kept, about 300 bytes each."""
    bound_addresses: int = 1024
    """Loopback addresses that a server listens on at once; the least recently asked for is given up."""
    addresses: int = 60_000
    """Names that have a loopback address; the least recently asked for loses it."""
    leaves: int = 1024
    """Leaf certificates kept."""
