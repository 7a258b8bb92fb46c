"""Who is let in, and to what: a tunnel serves whom its rule names, as long as it is offered, and nothing else."""

from typing import TYPE_CHECKING

from simulations.invariants.base import Invariant
from simulations.wishes import Standing

if TYPE_CHECKING:
    from simulations.place import Place

_CUT = 1.0
"""Seconds after which a connection is gone whose tunnel was withdrawn: what was under way has arrived by then."""


class NobodyElseIsLetIn(Invariant):
    """S20. Tunnels only: who may ask the control API is S14."""

    id = "S20"
    title = "nobody is let in who may not be, and nothing is served that is not offered"
    why = "nobody visited a tunnel"

    def let_in(self, visitor: "Place", by: "Place", name: str | None, port: int, began: float) -> None:
        """See `Invariant`."""
        what = f"{visitor.name} was let in to {name or by.name}:{port} by {by.name}"
        offer = by.person.offer(name, port)
        if not self.expect(offer is not None, f"{what}, which never offered it") or offer is None:
            return
        wish = offer.wish
        withdrawn = wish.standing is Standing.NONE and not wish.under_way and wish.asked_at < began
        self.expect(not withdrawn, f"{what}, which has withdrawn it")
        if visitor is not by and wish.asked_at < began:
            self.expect(offer.lets_in(visitor.index), f"{what}, whose rule does not name it")

    def entered(self, place: "Place", name: str | None, port: int) -> None:
        """See `Invariant`: an attacker is nobody's friend, so the tunnel must be everybody's."""
        doors = [offer for offer in place.person.offers.values() if offer.port == port and offer.wish.ever]
        self.expect(
            any(offer.allow is None and name in {None, offer.name} for offer in doors),
            f"{place.name} let an attacker in at {name or 'itself'}:{port}, which it never offered to everybody",
        )

    def went_on(self, visitor: "Place", owner: "Place", seconds: float) -> None:
        """See `Invariant`."""
        self.expect(
            seconds <= _CUT,
            f"a connection of {visitor.name} went on {seconds:.1f} s after {owner.name} withdrew its tunnel",
        )
