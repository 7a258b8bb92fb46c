"""Invariants that nothing in today's product can break: they stand in every report as not evaluated."""

from simulations.invariants.base import Invariant


class RelaySeesCiphertext(Invariant):
    """S8: waits for relays."""

    id = "S8"
    title = "a relay sees only ciphertext, and quotas are never exceeded"
    why = "the product has no relays yet"


class BucketRules(Invariant):
    """S12: waits for the DHT."""

    id = "S12"
    title = "routing tables keep their rules"
    why = "the product has no DHT yet"


class LookupsAreShort(Invariant):
    """S15: waits for the DHT."""

    id = "S15"
    title = "look-ups take a logarithmic number of rounds"
    why = "the product has no DHT yet"


class LookupsSucceed(Invariant):
    """L4: waits for the DHT."""

    id = "L4"
    title = "DHT look-ups succeed under churn"
    why = "the product has no DHT yet"


UNBUILT: tuple[type[Invariant], ...] = (RelaySeesCiphertext, BucketRules, LookupsAreShort, LookupsSucceed)
