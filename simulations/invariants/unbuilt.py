"""Invariants that nothing in today's product can break: they stand in every report as not evaluated."""

from simulations.invariants.base import Invariant


class RelaySeesCiphertext(Invariant):
    """S8: waits for relays."""

    id = "S8"
    title = "a relay sees only ciphertext, and quotas are never exceeded"
    why = "the product has no relays yet"


UNBUILT: tuple[type[Invariant], ...] = (RelaySeesCiphertext,)
