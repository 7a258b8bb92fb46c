"""Every bound of the DHT's pure parts, with the reason beside each. Times in seconds."""

import attrs


@attrs.frozen(slots=True, kw_only=True)
class KadLimits:
    """What one node spends on its table and on one search at most."""

    bucket: int = 20
    """Contacts of one bucket, and how many nearest nodes a search looks for: Kademlia's k."""
    waiting: int = 20
    """Newcomers that wait for a place in one full bucket; the one met longest ago is forgotten."""
    buckets: int = 48
    """Ranges into which the table is cut, which bounds it to 960 contacts. 10,000 nodes fill 11; more come of ids that
    somebody ground to be near this node's own."""
    network_per_bucket: int = 2
    """Contacts of one network (an IPv4 /24, an IPv6 /32) in one bucket, so that a tenth of it is the most that one
    buyer of addresses gets, however many keys it makes."""
    network_per_table: int = 10
    """The same in the whole table."""
    quiet: float = 60.0
    """How long a contact that was met is taken to live, and a ping may go unanswered, before it is asked again: many
    newcomers must not make many pings."""
    lonely: float = 3600.0
    """How long a range may go without a search before it is refreshed (section 2.3 of the paper)."""
    paths: int = 4
    """Disjoint paths of one search: who misleads one has not misled the others."""
    sure: int = 2
    """Nodes that each path asks for sure, of those it begins with: one liar names twenty that are nearer than all, and
    must not be the only one that the path hears."""
    parallel: int = 4
    """Nodes that one search waits for at once, one for each path while all go on: as many dials as a person makes who
    opens a page."""
    asks: int = 120
    """Nodes that one search asks in all, each path its share: some 40 are usual."""
    told: int = 20
    """Nodes that are read of one answer."""
    told_per_network: int = 1
    """New ones of one network in one answer."""
    path_per_network: int = 3
    """Nodes of one network that a path takes up in all, though many answers name more, and that a result holds: a gang
    needs seven networks to be all of the k nearest."""
