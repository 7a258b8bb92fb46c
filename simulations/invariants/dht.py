"""S12, S15 and L4: the DHT's tables keep their rules, its searches are short, and what owners say is found in it."""

import math
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import trio

from beam_actors.errors import ActorError
from beam_actors.naming.ranges import name_key
from beam_actors.values import Name
from simulations import inside
from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from beam_actors.peers.kad.contacts import Bucket
    from beam_actors.values import PeerId
    from simulations.place import Place

_SPACE = 1 << 256
_MORE_ROUNDS = 4
"""Rounds above the logarithm: the answers of one's own table, the last ones that find nobody nearer, and bad luck."""
_MOST_SEARCHES = 60
_WANTED = 0.99
_AGAIN = 5.0


class BucketRules(Invariant):
    """S12. The rules of the paper, and of `docs/decisions.md`, by arithmetic of its own."""

    id = "S12"
    title = "routing tables keep their rules"
    why = "nobody knew anybody"

    def look(self, place: "Place") -> None:
        """See `Invariant`."""
        if not self.is_close(place):
            return
        buckets = inside.buckets(place.node)
        contacts = [node for bucket in buckets for node in bucket.nodes.values()]
        if not contacts:
            return
        limits = inside.limits(place.node).dht
        edges = [(bucket.range[0], bucket.range[1] + 1) for bucket in buckets]
        whole = edges[0][0] == 0 and edges[-1][1] == _SPACE
        gapless = all(one[1] == other[0] for one, other in pairwise(edges))
        self.expect(whole and gapless, f"the ranges of {place.name}'s table are not the space of ids")
        for bucket in buckets:
            self._look_at(place, bucket, limits.bucket)
        self.expect(
            place.node.peers.us not in {node.peer for node in contacts}, f"{place.name} has itself in its table"
        )
        of_network = Counter(node.network for node in contacts)
        network, most = of_network.most_common(1)[0]
        self.expect(
            most <= limits.network_per_table, f"{place.name}'s table has {most} contacts of the network {network}"
        )
        self.figures["most contacts"] = max(self.figures.get("most contacts", 0.0), float(len(contacts)))

    def _look_at(self, place: "Place", bucket: "Bucket", most: int) -> None:
        lower, upper = bucket.range
        nodes = [*bucket.nodes.values(), *bucket.replacement_nodes.values()]
        self.expect(len(bucket.nodes) <= most, f"a bucket of {place.name} has {len(bucket.nodes)} contacts")
        self.expect(
            all(lower <= node.long_id <= upper for node in nodes), f"a bucket of {place.name} has others than its own"
        )


class SearchesAreShort(Invariant):
    """S15. As whole nodes search; what 10,000 would do is in docs/performance.md."""

    id = "S15"
    title = "look-ups take a logarithmic number of rounds"
    why = "nobody searched"

    def look(self, place: "Place") -> None:
        """See `Invariant`."""
        searched, rounds = inside.searches(place.node)
        if not searched:
            return
        most = math.ceil(math.log2(max(2, len(self.stage.places)))) + _MORE_ROUNDS
        self.expect(rounds <= most, f"a search at {place.name} took {rounds} rounds, of {most}")
        self.figures["most rounds"] = max(self.figures.get("most rounds", 0.0), float(rounds))


class SearchesSucceed(Invariant):
    """L4. Whoever searches finds what the name's holder says, wherever those are who were given it."""

    id = "L4"
    title = "DHT look-ups succeed under churn"
    why = "there was no name, or nobody to keep it"

    async def after_heal(self) -> None:
        """See `Invariant`: each name is searched for by one machine, until it is found or the bound is over."""
        stage = self.stage
        places = [place for place in stage.core if place.up]
        if len(places) < 2:
            return
        wanted = [(name, claim_id) for name in stage.model.wanted if (claim_id := self._said(name)) is not None]
        step = max(1, math.ceil(len(wanted) / _MOST_SEARCHES))
        start = trio.current_time()
        tried = found = 0
        for turn, (name, _) in enumerate(wanted[::step]):
            place = places[turn % len(places)]
            tried += 1
            while not (there := await self._find(place, name)):
                if trio.current_time() - start > stage.plan.bounds.converge:
                    break
                await trio.sleep(_AGAIN)
            found += there
        if tried:
            share = found / tried
            self.figures |= {"found": share, "searches": float(tried), "seconds": round(trio.current_time() - start, 1)}
            self.expect(share >= _WANTED, f"{tried - found} of {tried} names were not found in the DHT after the heal")

    def _said(self, name: str) -> bytes | None:
        """The id of the claim by which a name's only holder, who is there, holds it; None where there is no such."""
        people = [person for person in self.stage.model.holders(name) if not self.stage.places[person.index].gone]
        if len({person.owner for person in people}) != 1 or people[0].owner is None:
            return None
        place = self.stage.places[people[0].index]
        known = inside.knowledge(place.node) if place.up else None
        entry = None if known is None else known.registry.entry(Name(name), people[0].owner)
        return None if entry is None else entry.claim.id

    async def _find(self, place: "Place", name: str) -> bool:
        claim_id = self._said(name)
        if claim_id is None or not place.up:
            return False
        seen: set[bytes] = set()
        node = place.node
        network = inside.network(node)

        async def take(_peer: "PeerId", values: tuple[bytes, ...]) -> None:
            await trio.lowlevel.checkpoint()
            seen.update(inside.claim_ids(values, network))

        try:
            await node.dht.find(name_key(network, Name(name)), inside.owner_of_streams(node), take)
        except ActorError:
            return False
        return claim_id in seen


DHT: tuple[type[Invariant], ...] = (BucketRules, SearchesAreShort, SearchesSucceed)
