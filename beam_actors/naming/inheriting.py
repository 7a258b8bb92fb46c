"""Names that were handed over and are not held by their heirs yet: whoever asks for one is told so (pure).

Invariant: a transfer leads nowhere by itself; it only says why nothing else is there, and to the heir what to do.
"""

from beam_actors.errors import NameHandedOver
from beam_actors.naming.claim import Kind
from beam_actors.naming.entry import Entry
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.pins import Pin
from beam_actors.naming.ranking import is_live
from beam_actors.values import Name, OwnerId


def check_name(knowledge: Knowledge, name: Name, now: float) -> None:
    """Raise `NameHandedOver` if an owner gave the name to somebody who has not registered it yet: to you, if to you."""
    waiting = [heir for entry in knowledge.registry.entries(name) if (heir := _awaited(knowledge, entry, now))]
    if waiting:
        heir = knowledge.owner if knowledge.owner in waiting else waiting[0]
        raise _handed_over(knowledge, f"{name} was handed over to {heir}", name, heir)


def check_bound(knowledge: Knowledge, bound: str, pin: Pin, entry: Entry, now: float) -> None:
    """Raise `NameHandedOver` if the bound name waits for whom it is bound to, or for whom that owner gave it to.

    `bound` is the binding in words, and `entry` what is known of the owner of the `pin`.
    """
    for other in knowledge.registry.entries(pin.name):
        if _awaited(knowledge, other, now) == pin.owner:
            what = f"{bound}, to whom {other.owner.short} has handed it over"
            raise _handed_over(knowledge, what, pin.name, pin.owner)
    heir = entry.claim.terms.successor
    if heir is not None:
        raise _handed_over(knowledge, f"{bound}, who has handed it over to {heir}", pin.name, heir)


def _awaited(knowledge: Knowledge, entry: Entry, now: float) -> OwnerId | None:
    """To whom the entry's owner handed the name over, unless the heir has said anything of it since.

    What the heir said before, who may have held the name once and given it up, is no answer to the transfer.
    """
    claim = entry.claim
    heir = claim.terms.successor if claim.kind is Kind.TRANSFER else None
    if heir is None or now > claim.not_after:
        return None
    said = knowledge.registry.entry(entry.name, heir)
    answered = said is not None and (is_live(said.claim, now) or said.claim.issued >= claim.issued)
    return None if answered else heir


def _handed_over(knowledge: Knowledge, what: str, name: Name, heir: OwnerId) -> NameHandedOver:
    """The error that says `what` happened, or how the name is yours if you are the heir."""
    if heir == knowledge.owner:
        return NameHandedOver(f"{name} was handed to you: `beam register {name}` makes it yours.")
    return NameHandedOver(f"{what}; it leads there once they register it.")
