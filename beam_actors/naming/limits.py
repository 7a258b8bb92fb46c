"""The bounds of the naming room, each with its unit and its reason; every one is enforced where it is used."""

import attrs

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

MAX_CLAIM = 1024
"""Bytes of one encoded claim: nine keys, four peers and work fit with room to spare, and so does BEP44 for most."""
MAX_PEERS = 4
"""Machines that may serve one name."""
MAX_WORK = 64
"""Bytes of the work field: up to eight sub-puzzles of eight bytes."""
MAX_VALIDITY = 30 * DAY
"""From `issued` to `not_after`, in seconds. A lost machine's claim is gone after this time, whatever happens."""
MAX_TTL = DAY
MAX_TIME = 2**40
"""Seconds since 1970; far beyond any date that is meant, and far below where arithmetic could hurt."""
MAX_AHEAD = 10 * MINUTE
"""How far in the future a claim may have been issued, for clocks that differ (the usual window, iroh-docs has it)."""
RETENTION = MAX_VALIDITY + DAY
"""Seconds from `issued` during which a claim is remembered: longer than it, or what it replaced, could be admitted."""
STALE_GRACE = 3 * DAY
"""Seconds after `not_after` during which a claim still resolves while no peer is connected, marked as stale."""


@attrs.frozen(slots=True, kw_only=True)
class Limits:
    """What a person who runs a large node may want to raise. The defaults hold a node under some 25 MB of claims."""

    claims: int = 20_000
    """Claims kept in all, without revocations; own and pinned ones are kept beyond it."""
    names_per_owner: int = 16
    """Live names that this node's owner may hold, so that there is room for those that it releases."""
    holds_per_owner: int = 80
    """Names of one owner that are kept, live or released: of more those that come first (`quota`)."""
    holds_per_trusted_owner: int = 256
    """The same of an owner of whom something is kept beside the quotas, for what a person here relies on."""
    settle_after: float = 72 * HOUR
    """Seconds of this node's running for which an owner must have held a name alone, for a rival to change nothing."""
    petnames: int = 1024
    """Petnames on this machine."""
    pins_by_use: int = 512
    """Pins that were made by opening a name; beyond it the least lately used one goes. Those by `beam pin` stay."""
    owners_per_name: int = 32
    """Owners whose claims to one name are kept, of more those that come first; nobody can choose among more."""
    asked: int = 512
    """Holds that are kept beside the quotas because something here asked for them by their full form, the last ones:
    any page may load hundreds."""
    chosen: int = 512
    """The same because a person did, by a command, a forward, or a page that they opened."""
    deposits: int = 1024
    """Holds that are kept beside the quotas for the network, because this node is near the key of `name.<owner>`."""
    last_words: int = 4096
    """Claims that are kept, beside those, because they alone say that their owner left an era; of more those that show
    more work. Whoever wants one gone has as much work done for each of them."""
    revocations: int = 4096
    """Revocations kept, beside the claims and for good; own and pinned owners' are kept beyond it."""
    waiting: int = 256
    """Claims from the near future that wait for their time."""
    claims_per_second: float = 200.0
    """From one peer; a faster peer is slowed down, not cut off. A claim costs some half a millisecond in all, of which
    its signature is a tenth: this is ten per cent of a core."""
    claims_burst: int = 400
    """The same at once, after a silence."""
    network_claims_per_second: float = 300.0
    """From all peers of one network (an IPv4 /24, an IPv6 /32; in a private network, one address), each in its turn:
    more than one of them gets and less than all, however many keys somebody makes there."""
    network_claims_burst: int = 600
    """The same at once, after a silence."""
    newcomer: float = 15.0
    """Seconds for which a peer is new: with claims all newcomers of a network wait for what bad work from there costs,
    and have their turns as if they were one of its other peers."""
    bad_reputation: float = 600.0
    """Seconds for which one that brought bad work has its turns as if all such of its network were one newcomer."""
    allowances: int = 1024
    """Peers that left before what they may was theirs again, and networks, for which that is remembered."""
    all_claims_per_second: float = 500.0
    """From all peers together, each in its turn: a quarter of a core, however many strangers come."""
    all_claims_burst: int = 1000
    """The same at once, after a silence."""
    proofs: int = 256
    """Messages of peers with claims whose work is being checked, in all: two milliseconds a claim, one at a time."""
    proofs_per_peer: int = 8
    """The same of one peer; each peer may have one in any case."""
    bad_work: int = 8
    """What a claim with bad work costs its peer, in claims: it may take as long to refuse as eight to take in."""
    exchange_interval: float = 60.0
    """Seconds between two exchanges that one peer opens, after the first two, however often it connects anew; the same
    for this node's own. So often, give or take a sixth, a node also compares with a peer that chance chooses."""
    exchanges: int = 16
    """Exchanges that are answered at one time; one more is refused and comes again later. So many of full registries
    are answered within `stream_timeout`."""
    unkept: int = 256
    """Claims that a peer was given in exchanges, the last ones, of which it is remembered whether it keeps them."""
    exchange_bytes: int = 32 << 20
    """Bytes that the exchanges under way may hold: of what was here when they began, 40 for each claim, once for those
    that began between two changes; and what was said in them. Beyond it those whose peers are silent for the longest
    time end, or the one that grows."""
    streams_per_peer: int = 8
    """Inbound `/beam/names/1` streams of one peer at a time."""
    streams: int = 1024
    """The same of all peers: two for each session. Beyond it whoever has most loses the oldest to a newcomer."""
    outbox: int = 512
    """Claims that a peer is still to be told of; beyond it the oldest are dropped, and the next exchange repairs it."""
    named: int = 2048
    """Claims of which it is remembered which peers have them, or that they came; of others more copies may come."""
    named_patience: float = 2.0
    """Seconds for a peer that says it has a claim to send it, before the next one that says so is asked; several round
    trips, and a disk that is slow."""
    lookups: int = 64
    """Names being asked of peers at one time."""
    lookup_peers: int = 8
    """Peers asked about one name, drawn from those that are connected."""
    lookup_timeout: float = 2.0
    """Seconds for all of them."""
    second_opinion: float = 0.05
    """Seconds for which the word of one peer alone is held back, in case another one knows of a rival."""
    negative_ttl: float = 5.0
    """Seconds for which 'nobody knows the name' is remembered, when at least one peer has said so."""
    negatives: int = 1024
    """Names of which that is remembered."""
    lookup_dht_after: float = 0.1
    """Seconds after which the DHT is searched when the peers have not decided a question; at once if none has more."""
    lookup_dht_timeout: float = 6.0
    """Seconds for that: a search of strangers is four round trips for each of some four steps."""
    kept: int = 4096
    """Claims that are kept for the network beyond `claims`, because their names stand near this node in the DHT."""
    sought: int = 512
    """Claims beyond `claims` that are here because somebody asked for their names; the one sought first goes first."""
    republish: float = 6.0 * HOUR
    """Seconds, give or take a sixth, after which own claims are given to the nodes near their names again: those who
    kept them have left by then, or are no longer the nearest."""
    publish_retry: float = 30.0
    """Seconds after which it is tried again when nobody took one; twice as long each time."""
    stream_timeout: float = 60.0
    """Seconds for one message of an exchange to go out or to come in."""
