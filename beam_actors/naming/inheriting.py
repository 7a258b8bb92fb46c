"""Names that were handed over and are not held by their heirs yet: whoever asks for one is told so (pure).

Invariant: a transfer leads nowhere by itself; it only says why nothing else is there, and to the heir what to do.
Anybody can sign one for a name that they never held, so it is told as the word of whoever signed it.
"""

from beam_actors.errors import NameHandedOver, NameTaken
from beam_actors.naming.claim import Kind
from beam_actors.naming.entry import Entry
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.pins import Pin
from beam_actors.naming.ranking import is_live
from beam_actors.values import Name, OwnerId


def check_name(knowledge: Knowledge, name: Name, now: float) -> None:
    """Raise `NameHandedOver` if an owner gave the name to somebody who has not registered it yet: to you, if to you."""
    if waiting := _waiting(knowledge, name, now):
        yours = [one for one in waiting if one[1] == knowledge.owner]
        giver, heir = (yours or waiting)[0]
        raise _said(knowledge, name, giver, heir)


def is_given(knowledge: Knowledge, name: Name, now: float) -> bool:
    """Whether somebody handed the name over to this owner, who has not registered it yet."""
    return any(heir == knowledge.owner for _, heir in _waiting(knowledge, name, now))


def check_unpromised(knowledge: Knowledge, name: Name, now: float) -> None:
    """Raise `NameTaken` if the name waits for an heir who is somebody else, unless this owner gave it away."""
    waiting = _waiting(knowledge, name, now)
    if waiting and not any(knowledge.owner in pair for pair in waiting):
        giver, heir = waiting[0]
        raise NameTaken(
            f"{giver.short} says that {name} goes to {heir.short}, who has not registered it yet; choose another name, "
            "or use --contest to claim it all the same."
        )


def check_bound(knowledge: Knowledge, bound: str, pin: Pin, entry: Entry, now: float) -> None:
    """Raise `NameHandedOver` if the bound name waits for whom it is bound to, or for whom that owner gave it to.

    `bound` is the binding in words, and `entry` what is known of the owner of the `pin`.
    """
    for other in knowledge.registry.entries(pin.name):
        if _awaited(knowledge, other, now) == pin.owner:
            raise _said(knowledge, pin.name, other.owner, pin.owner, bound=f"{bound}, and ")
    heir = entry.claim.terms.successor
    if heir is not None and heir == knowledge.owner:
        raise NameHandedOver(f"{bound}, who says that it is yours now: `beam register {pin.name}` takes it.")
    if heir is not None:
        raise NameHandedOver(f"{bound}, who has handed it over to {heir}: it leads there once they register it.")


def _waiting(knowledge: Knowledge, name: Name, now: float) -> list[tuple[OwnerId, OwnerId]]:
    """Who handed the name over to whom, as long as that one has not registered it."""
    entries = knowledge.registry.entries(name)
    return [(entry.owner, heir) for entry in entries if (heir := _awaited(knowledge, entry, now))]


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


def _said(knowledge: Knowledge, name: Name, giver: OwnerId, heir: OwnerId, *, bound: str = "") -> NameHandedOver:
    """The error that says what the giver says, and how the name is yours if you are the heir."""
    if heir == knowledge.owner:
        return NameHandedOver(f"{bound}{giver} says that {name} is yours now: `beam register {name}` takes it.")
    return NameHandedOver(f"{bound}{giver} says that {name} goes to {heir}: it leads there once they register it.")
