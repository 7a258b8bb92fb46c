"""Every bound of this room in one place, with the reason beside each. Times in seconds."""

import attrs


@attrs.frozen(slots=True, kw_only=True)
class PeersLimits:
    """What one node spends on peers at most."""

    handshake_timeout: float = 10.0
    """From accepted to authenticated; a client that sends a byte a second holds a place no longer than this."""
    handshakes: int = 128
    """Handshakes of strangers at once; above it a newcomer takes the place of the busiest source's oldest."""
    handshake_patience: float = 2.0
    """How long a handshake is safe from newcomers whose address holds as many places: several round trips, and the
    CPU time of `handshakes` of them."""
    handshakes_per_address: int = 64
    """The same for one IPv4 address or IPv6 /64: all that may come from there at once, as the machines behind one
    router do; that is half of all, and the busiest source is the first to give way."""
    greeting_delay: float = 1.0
    """How long a stranger's session must stand before anybody here talks with it, so that one who leaves at once costs
    a handshake only."""
    connections_per_second: float = 4.0
    """Connections that are accepted from one IPv4 address or IPv6 /64 in the long run: each costs some 10 ms of CPU."""
    connections_burst: int = 64
    """The same at once: as many as may have a session from there, who all come back when the network does."""
    connection_sources: int = 4096
    """Addresses whose rate is remembered, those that connected last; and as many peers, for `introductions`."""
    introductions: int = 32
    """Times that a peer may say at once where it listens, over all its sessions; each is read, sifted and written down.
    One more ends the session: an honest peer says it once in each, and again when its addresses change."""
    introductions_period: float = 60.0
    """The time in which it may say it so often again."""
    peers: int = 512
    """Peers with an actor of their own at once."""
    guests: int = 384
    """Of those, peers that only came, with keys that cost nothing; the rest is for those this node wants."""
    sessions: int = 512
    """Sessions in all. Dialled ones count but are never refused: they are our own choice, bounded by `peers`."""
    sessions_per_address: int = 64
    """Accepted sessions from one IPv4 address or IPv6 /64; many machines may share one behind a NAT."""
    sessions_per_peer: int = 4
    """Two are usual while both dial at once, or while a dead one has not been noticed yet."""
    dial_timeout: float = 10.0
    """One attempt at one address, from the TCP SYN to the end of the handshake."""
    dial_stagger: float = 0.25
    """Delay before the next address is tried beside the one under way (RFC 8305 section 5)."""
    dial_addresses: int = 8
    """Addresses tried in one dial."""
    dial_spacing: float = 0.5
    """Least time between the end of a failed dial and the next one, however many ask."""
    back_off_first: float = 0.5
    """About how long a peer that is kept is not dialled after a dial failed; each further failure doubles it."""
    back_off_most: float = 60.0
    """The most that it comes to."""
    back_off_alone: float = 15.0
    """The same for a node that has no peer at all: whoever it dials is its way back to everybody. A session that ends
    sooner than this counts as a dial that failed."""
    open_timeout: float = 5.0
    """From asking for a stream to having it, with the dial and a search: a silent peer must answer nobody later than
    this."""
    ping_timeout: float = 5.0
    """For one round trip that a person asked for, with the dial."""
    opens_waiting: int = 1024
    """Callers that wait for one peer's dial."""
    drain_linger: float = 5.0
    """How long a session that gives way stays without streams, since the other end may be opening one on it."""
    idle_linger: float = 60.0
    """How long the actor of a peer that this node went to stays once nobody wants it and it is not connected; that of
    one who only came ends with its last session, or ever new keys would use up `peers`."""
    book_peers: int = 1024
    """Peers with remembered addresses; the one longest without contact is forgotten."""
    book_addresses: int = 16
    """Remembered addresses of one peer."""
    records: int = 4096
    """Signed records of peers that are kept to pass on, each of at most a few KiB; the one least used is forgotten."""
    record_seconds: float = 10.0
    """How old the record of a connected peer may be that is passed on; an older one is asked for again."""
    searches: int = 64
    """Peers that are searched for at once; each search asks `search_peers`, and local programs can begin many."""
    search_after: float = 1.0
    """How long the known addresses of a peer are dialled alone, before others are asked for another one: some round
    trips between distant machines. A peer that moved may have left a silent address behind."""
    search_timeout: float = 4.0
    """How long a search goes on, and a caller waits for what it finds: below `open_timeout`, so that it can still be
    dialled."""
    search_grace: float = 0.25
    """From the first answer of a search to its end: others may know better, and a silent one must delay nobody."""
    search_waiters: int = 256
    """Callers that wait for one search; they share its answer."""
    search_peers: int = 8
    """Peers that one search asks at once, few enough to be polite; it goes on until somebody knows."""
    visits: int = 64
    """Sessions that stand because this node asked a stranger something (see `visits`); the oldest gives way."""
    visit_dials: int = 8
    """Strangers that are asked at once, by all who look something up."""
    visits_per_second: float = 4.0
    """Dials to strangers in the long run: more would make this node a nuisance to those at the other end."""
    visits_burst: int = 64
    """The same at once: one look-up from nothing asks some 40, and is over in seconds or of no use."""
    visits_per_network: int = 2
    """Dials to strangers of one IPv4 /24 or IPv6 /32 in a minute (in a private network: at one address): whoever makes
    many nodes believe that a victim's address is a peer's must not have it flooded by them."""
    knocks: int = 2
    """Addresses of peers who came that are tried at once, to see whether they are theirs."""
    knocks_per_second: float = 1.0
    """The same a second in the long run: who claims the address of somebody else must not have it flooded."""
    knocks_burst: int = 16
    """The same at once, after a silence."""
    visit_linger: float = 30.0
    """How long a visit stays without streams at most, since one question is often followed by another."""
    answers: int = 64
    """Questions of peers that are read and answered at once, each of which holds a stream and a worker."""
    answers_per_peer: int = 8
    """The same for one peer, so that one that is slow on purpose cannot keep the answers from all others."""
    inquiry_timeout: float = 2.0
    """For one question to one peer, and for answering one: it is one short round trip."""
