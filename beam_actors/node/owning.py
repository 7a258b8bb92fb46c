"""What an owner does by the recovery phrase while no node runs on the home: the steps, in the one order that is safe.

Invariant: the keystore has the key of an era before anything is left to be said in that era. A step that fails leaves
an era that is open alone, which does no harm; and no era is opened that this home has heard of. What is left to be said
is said by the next node. Where the phrase comes from, how the home is locked so long and whether a person was asked is
not known here.
"""

import attrs

from beam_actors.errors import NotAllowed, OwnerRevoked
from beam_actors.identity import REVOCATION_ERA, OwnerChain
from beam_actors.naming import (
    Acquaintance,
    EraNames,
    Handing,
    acquaintance,
    check_heir,
    hand_over,
    is_revoked,
    names_in_era,
    owned,
    spoken_era,
)
from beam_actors.node.keys import check_owner, open_keys, take_owner_key
from beam_actors.ports import Compute, Entropy, Files, Store
from beam_actors.values import Name, OwnerId


@attrs.frozen(slots=True)
class Prospect:
    """What a person is to know before a name goes."""

    heir: Acquaintance
    """How the next owner is known on this home."""
    era: int
    """The one that a transfer opens."""
    names: EraNames
    """What the next node claims in that era, beside the name that goes."""
    replaces: OwnerId | None = None
    """To whom the name was to go by a transfer before, which the next node was to say."""


class Owning:
    """The owner of one home, which has keys. Every method may raise `StorageError`, and as `open_keys`."""

    def __init__(
        self,
        files: Files,
        store: Store,
        entropy: Entropy,
        compute: Compute,
        secret: str | None,
        chain: OwnerChain,
    ) -> None:
        """`secret` is the keystore's passphrase, if it has one."""
        self._files = files
        self._store = store
        self._entropy = entropy
        self._compute = compute
        self._secret = secret
        self._chain = chain

    def __repr__(self) -> str:
        return f"<Owning of {self._chain.owner_id.short}>"

    async def rotate(self, *, shown: int | None = None) -> int:
        """Open the next era: the home gets its key. Which one that is.

        `shown` is the era that a person agreed to: if it is not the next one any more, nothing is changed.

        Raises:
            NotAllowed: as `next_era`, or the home is another owner's.
        """
        era = await self.next_era(shown)
        await self._open(era)
        return era

    async def prospect(self, name: Name, successor: OwnerId) -> Prospect:
        """What a transfer would do; nothing is changed.

        Raises:
            NameNotFound: the owner did not register the name here.
            NotAllowed: as `next_era`, the successor has revoked all keys, or the name is on its way to them.
        """
        before = await self._check_way(name, successor)
        era = await self.next_era()
        names = (await self.names_in_era(era)).without(name)
        return Prospect(await acquaintance(self._store, successor), era, names, before)

    async def names_in_era(self, era: int) -> EraNames:
        """What the next node on this home claims in the era."""
        return await names_in_era(self._store, self._chain.owner_id, era)

    async def transfer(self, name: Name, successor: OwnerId, *, shown: int | None = None) -> int:
        """Open the next era, in which the next node hands the name over. Which one that is.

        `shown` is the era that a person agreed to: if it is not the next one any more, nothing is changed.

        Raises:
            NameNotFound: the owner did not register the name here.
            NotAllowed: as `next_era`, the home is another owner's, the successor has revoked all keys, or the name is
                on its way to them.
        """
        await self._check_way(name, successor)
        era = await self.next_era(shown)
        await self._open(era)
        await hand_over(self._store, self._chain.owner_id, name, Handing(successor, era))
        return era

    async def _check_way(self, name: Name, successor: OwnerId) -> OwnerId | None:
        """Raise if the name can't go that way, or goes it already; to whom it was to go until now."""
        handing = (await owned(self._store, self._chain.owner_id, name)).handing
        await check_heir(self._store, successor)
        if handing is not None and handing.successor == successor:
            raise NotAllowed(f"{name} is on its way to that owner: the daemon says so when it starts.")
        return None if handing is None else handing.successor

    async def next_era(self, shown: int | None = None) -> int:
        """The era after all that were opened, as far as this home has heard: perhaps another machine has opened one.

        Raises:
            NotAllowed: the owner was revoked, all are open, it is not the one that was `shown`, or the home is another
                owner's.
        """
        era = await self.heard_era() + 1
        if era >= REVOCATION_ERA:
            raise NotAllowed("This owner has opened all its eras; a new recovery phrase makes a new owner.")
        if shown not in {None, era}:
            raise NotAllowed(f"Nothing was changed: era {era - 1} was opened meanwhile. Do this again, if it is meant.")
        return era

    async def heard_era(self) -> int:
        """The latest era that is open, as far as this home has heard: of its key, or in which the owner spoke.

        Raises:
            NotAllowed: the owner was revoked, or the home is another owner's.
        """
        if await is_revoked(self._store, self._chain.owner_id):
            raise OwnerRevoked
        keys = await open_keys(self._files, self._entropy, self._compute, self._secret)
        check_owner(keys, self._chain.owner_id)
        return max(keys.owner.era, await spoken_era(self._store, self._chain.owner_id))

    async def _open(self, era: int) -> None:
        await take_owner_key(self._files, self._entropy, self._compute, self._secret, self._chain.era_key(era))
