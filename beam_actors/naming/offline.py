"""What a command of the owner asks of a home's store, or leaves in it, while no node runs there.

Invariant: nothing is signed here, and no claim is written: what is left is an intent, which the next node on the store
carries out. What can't be read says nothing. Whoever calls sees to it that no node runs on the store; how a home is
locked and where its key comes from is not known here.
"""

from collections import Counter
from contextlib import suppress

import attrs

from beam_actors.errors import NotAllowed, StoreDamaged
from beam_actors.naming import claim_rows, records
from beam_actors.naming.claim import Claim
from beam_actors.naming.keeping import not_own, was_given_up, was_handed_over
from beam_actors.naming.records import Handing, Own
from beam_actors.ports import Store
from beam_actors.values import Name, OwnerId


@attrs.frozen(slots=True)
class Acquaintance:
    """What a store knows of an owner."""

    names: tuple[Name, ...]
    """Those for which a claim of theirs is there, live or not, in their order."""
    bound: tuple[Name, ...]
    """The pins and petnames here that lead to the owner, in their order."""

    @property
    def is_known(self) -> bool:
        """Whether the owner was ever heard of."""
        return bool(self.names or self.bound)


@attrs.frozen(slots=True)
class EraNames:
    """The names that the next node on a store claims, if its key is of a later era than what was said."""

    names: tuple[Name, ...] = ()
    """All of them, in their order."""
    taken_back: tuple[Name, ...] = ()
    """Of these, what another machine gave up in an era before: by the owner's choice, or a thief's."""

    def without(self, name: Name) -> "EraNames":
        """The same but for one name."""
        return EraNames(*(tuple(one for one in some if one != name) for some in (self.names, self.taken_back)))


async def names_in_era(store: Store, owner: OwnerId, era: int) -> EraNames:
    """What the next node on the store claims for the owner with the key of `era`; nothing if the owner was revoked."""
    names, taken_back = [], []
    if await is_revoked(store, owner):
        return EraNames()
    for key, value in await store.scan(records.OWN):
        with suppress(StoreDamaged):
            own = records.read_own(key, value)
            if own.owner != owner or own.handing is not None:
                continue
            said = await _last_claim(store, owner, own.name)
            gone = was_given_up(own, said) or was_handed_over(own, said)
            if gone and said is not None and said.era >= era:
                continue
            names.append(own.name)
            taken_back += [own.name] if gone else []
    return EraNames(tuple(sorted(names)), tuple(sorted(taken_back)))


async def _last_claim(store: Store, owner: OwnerId, name: Name) -> Claim | None:
    """What the owner said of the name last, as far as the store can say."""
    key = claim_rows.claim_key(name.label, owner.digest)
    with suppress(StoreDamaged):
        value = await store.get(claim_rows.CLAIMS, key)
        return None if value is None else claim_rows.read_claim(key, value)
    return None


async def owned(store: Store, owner: OwnerId, name: Name) -> Own:
    """The owner's registration of the name on this machine.

    Raises:
        NameNotFound: there is none.
    """
    key = name.label.encode()
    value = await store.get(records.OWN, key)
    try:
        own = None if value is None else records.read_own(key, value)
    except StoreDamaged:
        own = None
    if own is None or own.owner != owner:
        raise not_own(name)
    return own


async def hand_over(store: Store, owner: OwnerId, name: Name, handing: Handing) -> None:
    """Have a name of the owner handed over when a node next starts on the store; raises like `owned`."""
    own = await owned(store, owner, name)
    await store.commit([records.put_own(attrs.evolve(own, handing=handing))])


async def spoken_era(store: Store, owner: OwnerId) -> int:
    """The latest era in which a store has the owner speak; 0 if it has nothing."""
    latest = 0
    for key, value in await store.scan(claim_rows.CLAIMS):
        if key.endswith(b"\0" + owner.digest):
            with suppress(StoreDamaged):
                latest = max(latest, claim_rows.read_claim(key, value).era)
    return latest


async def networks_in(store: Store) -> tuple[str, ...]:
    """The networks to which the claims in a store belong, the one of most of them first."""
    found: Counter[str] = Counter()
    for key, value in await store.scan(claim_rows.CLAIMS):
        with suppress(StoreDamaged):
            found[claim_rows.read_claim(key, value).network] += 1
    return tuple(network for network, _count in found.most_common())


async def is_of_no_network(store: Store) -> bool:
    """Whether a store has nothing that is of one network: no claims, revocations, last words or own names.

    What can't be read was something, and so is of one.
    """
    tables = (claim_rows.CLAIMS, claim_rows.REVOKED, claim_rows.LAST, records.OWN)
    return not any([await store.scan(table) for table in tables])


async def is_revoked(store: Store, owner: OwnerId) -> bool:
    """Whether the owner revoked all keys.

    A revocation that can't be read is one all the same, as for a node that starts on the store.
    """
    return await store.get(claim_rows.REVOKED, owner.digest) is not None


async def check_heir(store: Store, owner: OwnerId) -> None:
    """Raise `NotAllowed` for an owner who revoked all keys, and so could never register what is handed over."""
    if await is_revoked(store, owner):
        raise NotAllowed(f"{owner} has revoked all keys and can register nothing any more, so nothing was changed.")


async def acquaintance(store: Store, owner: OwnerId) -> Acquaintance:
    """What the store knows of the owner."""
    names, bound = [], []
    for key, _value in await store.scan(claim_rows.CLAIMS):
        if key.endswith(b"\0" + owner.digest):
            with suppress(StoreDamaged):
                names.append(records.read_name(key[: -len(owner.digest) - 1]))
    for key, value in await store.scan(records.PINS):
        with suppress(StoreDamaged):
            pin = records.read_pin(key, value)
            bound += [pin.name] if pin.owner == owner else []
    for key, value in await store.scan(records.PETNAMES):
        with suppress(StoreDamaged):
            petname, meant = records.read_petname(key, value)
            bound += [petname] if meant.owner == owner else []
    return Acquaintance(tuple(sorted(names)), tuple(sorted(bound)))
