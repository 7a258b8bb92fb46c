"""Every bound of the DHT, with the reason beside each. Times in seconds."""

import attrs


@attrs.frozen(slots=True, kw_only=True)
class KadLimits:
    """What one node spends on its table, on its searches, and on those of others at most."""

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
    searches: int = 8
    """Searches under way at once, of all who look something up; others wait."""
    search_timeout: float = 12.0
    """How long one search goes on: what is not found by then is not found in time for a person."""
    locate_grace: float = 0.25
    """From the first node that knows where a peer is to the end of that search."""
    slow: float = 1.0
    """After so long a search goes on without a node, though it still hears it."""
    silent: float = 2.0
    """After so long whoever named it has named it in vain: four round trips around the world take less."""
    vain: int = 3
    """How many more nodes one may name in vain than such that answer, before a path leaves aside the rest of what it
    alone named there: who names twenty black holes would make a search last as long as it may. Of honest answers an
    hour old a fifth is gone where 20 % leave in an hour: one in sixty meets this, and others name the same nodes."""
    ask_timeout: float = 5.0
    """For one question to one node, with the dial; and for answering one."""
    answers: int = 64
    """Questions of others that are read and answered at once, each of which holds a stream and a worker."""
    answers_per_peer: int = 4
    """The same for one peer: a search asks a node once."""
    finds_per_second: float = 20.0
    """Questions of one peer that are answered in the long run, and four times as many at once."""
    network_finds_per_second: float = 50.0
    """The same for all peers of one network (an IPv4 /24, an IPv6 /32; in a private network, one address), and twice as
    many at once: a quarter of what all together get, however many keys somebody makes there."""
    all_finds_per_second: float = 200.0
    """The same for all together: some tenth of a core, at 0.5 ms for an answer."""
    stores_per_second: float = 2.0
    """Times that one peer may give this node something to keep, and eight times as many at once: an owner gives its
    sixteen names one by one."""
    network_stores_per_second: float = 3.0
    """The same for all peers of one network, and eight times as many at once: half of what all together get, and more
    than one of them does, so that one who owes for bad work leaves its neighbours behind a NAT a share."""
    bad_store: float = 1.0
    """What a claim with bad work costs its peer, and its network, in such times: to find it out may take as long as to
    take sixteen good ones in."""
    all_stores_per_second: float = 6.0
    """The same for all together, and twice as many at once. Sixteen claims with bad work take a quarter of a second of
    a core; what a node keeps of others comes once in six hours, so this is plenty."""
    askers: int = 1024
    """Peers whose rate is remembered, those that asked last."""
    newcomers: int = 4
    """Strangers that asked something and are being looked at at once, whether they can be reached and so known."""
    newcomers_per_second: float = 1.0
    """The same in the long run, since each costs a dial."""
    knock_timeout: float = 10.0
    """Seconds for all knocks at one peer, the waiting for its turn included."""
    knocks: int = 3
    """Addresses at which one is looked for, of all that it names."""
    newcomer_again: float = 3600.0
    """How long one that could not be reached is not looked at again."""
    newcomers_remembered: int = 4096
    """Those that are remembered for it."""
    refusing: float = 120.0
    """How long a contact may cut all questions before it counts as silent: rates have room again after seconds."""
    joins: int = 3
    """How often a node that has come looks for its own place: at once, and again when those who came at the same time
    are known to others."""
    join: float = 1.0
    """When it does so for the first time, counted from when it knew somebody."""
    join_growth: float = 20.0
    """How many times as long it waits each further time."""
    refresh: float = 600.0
    """How often it is seen whether a range is `lonely`; one at a time is refreshed."""
    record_seconds: float = 3600.0
    """How long this node gives out one signed record of its own, if its addresses stay: others check each only once."""
    records: int = 1024
    """Records of others that are known to be genuine."""
    pings: int = 8
    """Contacts that are asked at once whether they live."""
    cut_off: float = 15.0
    """A node that doesn't answer is not held against it when nobody else has answered for so long."""
    ahead: float = 600.0
    """How far a record that somebody passes on may be from the future: it is kept until a newer one comes."""
