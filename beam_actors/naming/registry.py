"""All claims known here, and the merge by which two nodes that know the same claims know the same thing.

The state is a product of join-semilattices, so merging is commutative, associative, idempotent and monotone:

- per owner the claims of the greatest era: who opens an era says in it anew all that is to stand, so the key of an era
  before, which a thief may have, claims nothing any more, under no name;
- in it, per name the claims at the greatest seq, of which the two greatest by (issued, id) are kept: the greater one
  counts, and a second one is the proof that the owner signed two (an equivocation, healed by a higher seq); beside
  them the claim with the most work, so that nobody makes a name worth less by saying less;
- per owner a revocation or none. It absorbs: the owner's claims are dropped and none is taken again.

Invariant: the content is a function of the set of claims ever merged, never of their order, and no clock is read.
(What goes for want of room is another matter; of its owner's last one an era may stay here, under no name.)
What may be merged (signatures, times, quotas) is decided before, in `admission`. Whoever holds the registry decides
when to `forget`; after that `floor` keeps what was forgotten from coming back.
"""

from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter

from beam_actors.naming.catalogue import Catalogue
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.entry import Entry, Held, Key, entry_of
from beam_actors.naming.last_words import LastWords
from beam_actors.naming.limits import RETENTION, Limits
from beam_actors.naming.ranges import Snapshot, name_key
from beam_actors.naming.shelf import Shelf
from beam_actors.values import Name, OwnerId, cbor


class Registry:
    """Claims by name and owner. One holder; not safe to share."""

    __slots__ = ("_by_id", "_revocations", "_revoked", "by_name", "by_owner", "floor", "last_words")

    def __init__(self, *, last_words: int = Limits().last_words) -> None:
        self.by_name: Shelf[str, bytes, Held] = Shelf(attrgetter("owner_digest"))
        self.by_owner: Shelf[bytes, str, Held] = Shelf(attrgetter("label"))
        """What is known by either key, for reading: whoever counts holds does so for each claim that comes."""
        self._by_id = Catalogue()
        self._revoked: dict[bytes, Claim | None] = {}  # by the owner's digest; None: by `bar`
        self._revocations = 0  # those that are here
        self.last_words = LastWords(last_words)
        """For reading; they are no holds."""
        self.floor = 0
        """Claims issued at or before this second (since 1970) are not admitted: one of that age was forgotten here."""

    # --- the merge ----------------------------------------------------------------------------------------------------

    def merge(self, claim: Claim) -> bool:
        """Take the claim in; whether anything changed."""
        if claim.kind is Kind.REVOCATION:
            return self._revoke(claim)
        digest = claim.owner_digest
        if digest in self._revoked or claim.era < self.era_of(claim.owner):
            return False
        for entry in self.ended_by(claim):
            self._drop((entry.claim.name, claim.owner))
        self._unsay(digest, by=claim)
        held = self.by_name.get(claim.label, digest)
        claim = self._shared(claim)
        if held is None:
            self._by_id.add(claim)
            self._keep(claim)
            return True
        before = entry_of(held)
        after = before.join(claim)
        if after is before:
            return False
        for old in before.claims:
            self._by_id.remove(old)
        for new in after.claims:
            self._by_id.add(new)
        self._keep(after if len(after.claims) > 1 else after.claim)
        return True

    def restore(self, entry: Entry) -> bool:
        """Take back what was in a registry, if nothing here has a say in it; else change nothing, and say so."""
        claim = entry.claim
        digest = claim.owner_digest
        if (
            len(entry.claims) > 1
            or digest in self._revoked
            or self.by_name.get(claim.label, digest) is not None
            or (digest in self.by_owner and self.era_of(claim.owner) != claim.era)
            or self.last_words.of(digest) is not None
        ):
            return False
        claim = self._shared(claim)
        self._by_id.add(claim)
        self._keep(claim)
        return True

    def _shared(self, claim: Claim) -> Claim:
        """The same, with the bytes for its owner that other claims here have."""
        for other in self.by_owner.of(claim.owner_digest):
            return claim.sharing(other.owner_digest)
        return claim

    def _keep(self, held: Held) -> None:
        self.by_name.put(held.label, held)
        self.by_owner.put(held.owner_digest, held)

    def merge_all(self, claims: Iterable[Claim]) -> int:
        """Merge each; how many changed anything."""
        return sum([self.merge(claim) for claim in claims])

    def _revoke(self, claim: Claim) -> bool:
        if self._revoked.get(claim.owner_digest) is not None:
            return False
        for entry in self.ended_by(claim):
            self._drop((entry.claim.name, claim.owner))
        self._unsay(claim.owner_digest)
        self._revoked[claim.owner_digest] = claim
        self._by_id.add(claim)
        self._revocations += 1
        return True

    def ended_by(self, claim: Claim) -> tuple[Entry, ...]:
        """What is known of the owner under other names and ends when this is merged: all that is of an earlier era."""
        if claim.kind is Kind.REVOCATION:
            return self.names_of(claim.owner)
        if not claim.era or claim.era <= self.era_of(claim.owner):  # in the first era, where nearly all are, none does
            return ()
        return tuple(entry for entry in self.names_of(claim.owner) if entry.claim.name != claim.name)

    def bar(self, owner: OwnerId) -> None:
        """The owner is revoked, but the revocation was lost: take nothing of the owner, until it comes again."""
        self._revoked.setdefault(owner.digest, None)

    def _drop(self, key: Key) -> None:
        name, owner = key
        self.by_owner.pop(owner.digest, name.label)
        held = self.by_name.pop(name.label, owner.digest)
        for claim in entry_of(held).claims if held else ():
            self._by_id.remove(claim)

    def say(self, claim: Claim) -> None:
        """Keep a claim as the last word of its owner; see `LastWords.has_room`."""
        self._replace(claim, self.last_words.put(claim))

    def reload(self, claim: Claim) -> None:
        """Take a last word back that was in a registry."""
        self._replace(claim, self.last_words.load(claim))

    def _replace(self, claim: Claim, gone: Claim | None) -> None:
        if gone is not claim:
            self._by_id.add(claim)
        if gone is not None and gone is not claim:
            self._by_id.remove(gone)

    def _unsay(self, digest: bytes, *, by: Claim | None = None) -> None:
        """The last word goes, unless it was said later than what takes its place: that would be forgotten earlier."""
        said = self.last_words.of(digest)
        if said is not None and (by is None or (by.era, by.issued) >= (said.era, said.issued)):
            self.last_words.pop(digest)
            self._by_id.remove(said)

    # --- forgetting ---------------------------------------------------------------------------------------------------

    def forget(self, now: float, *, keep: Collection[Key] = ()) -> list[Key]:
        """Drop what was issued more than `RETENTION` before `now`, except `keep`; the keys that were dropped.

        An owner signs with times that never go back, so whatever such a claim replaced was issued before it, is
        invalid by now and can't be admitted again. `floor` says so even to a clock that is set back afterwards.
        """
        values = self.by_name.values()
        old = [held for held in values if held.issued + RETENTION < now and (held.name, held.owner) not in keep]
        self.floor = max([self.floor, *(held.issued for held in old)])
        keys = [(held.name, held.owner) for held in old]
        for key in keys:
            self._drop(key)
        for said in self.last_words:
            if said.issued + RETENTION < now:
                self.floor = max(self.floor, said.issued)
                self._unsay(said.owner_digest)
        return keys

    def forget_backers(self, now: float) -> list[Key]:
        """Drop earlier claims that are as old and are kept for their work only; the keys of what is left."""
        old = [
            held
            for held in self.by_name.values()
            if isinstance(held, Entry) and held.backer is not None and held.backer.issued + RETENTION < now
        ]
        for entry in old:
            if entry.backer is not None:
                self.floor = max(self.floor, entry.backer.issued)
                self._by_id.remove(entry.backer)
                self._keep(entry.claim if entry.rival is None else Entry(entry.claim, entry.rival))
        return [(entry.name, entry.owner) for entry in old]

    def evict(self, key: Key) -> None:
        """Drop what is here of an owner's hold on a name, if anything is: it may come again when there is room.

        `floor` stays, since nothing of that age was forgotten, and so do revocations: they are no holds. What said in
        which later era its owner speaks becomes the last word, if nothing else here says it.
        """
        entry = self.entry(*key)
        if entry is None:
            return
        self._drop(key)
        if entry.era and key[1].digest not in self.by_owner and self.last_words.has_room(entry.claim):
            self.say(entry.claim)

    # --- reading ------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, claim_id: bytes) -> bool:
        return claim_id in self._by_id

    def get(self, claim_id: bytes) -> Claim | None:
        """The claim with this id, if it still counts or proves an equivocation."""
        return self._by_id.get(claim_id)

    def holds(self, claim: Claim) -> bool:
        """Whether anything is known of its owner's hold on its name: a revocation and a last word are no holds."""
        return self.by_name.get(claim.label, claim.owner_digest) is not None

    def entry(self, name: Name, owner: OwnerId) -> Entry | None:
        """What is known of the owner's hold on the name."""
        held = self.by_name.get(name.label, owner.digest)
        return None if held is None else entry_of(held)

    def entries(self, name: Name) -> tuple[Entry, ...]:
        """One for each owner who claimed the name, in the order of owners."""
        here = self.by_name.of(name.label)
        if len(here) == 1:
            [held] = here
            return (entry_of(held),)
        return tuple(map(entry_of, sorted(here, key=attrgetter("owner_digest"))))

    def names_of(self, owner: OwnerId) -> tuple[Entry, ...]:
        """What is known of one owner, in the order of names."""
        return tuple(map(entry_of, sorted(self.by_owner.of(owner.digest), key=attrgetter("label"))))

    def held_by(self, owner: OwnerId) -> Iterator[Claim]:
        """Its claims that count, in no order, for counting: whoever sends claims has it done for each."""
        return (held if isinstance(held, Claim) else held.claim for held in self.by_owner.of(owner.digest))

    def era_of(self, owner: OwnerId) -> int:
        """The era of all that is known of the owner; 0 if that is nothing."""
        for held in self.by_owner.of(owner.digest):
            return held.era
        said = self.last_words.of(owner.digest)
        return 0 if said is None else said.era

    def at(self, key: bytes) -> Name | None:
        """The name whose place among all names is this key, if somebody is known to claim it."""
        for claim in self._by_id.near(key):
            if claim.kind is not Kind.REVOCATION and name_key(claim.network, claim.name) == key:
                return claim.name
        return None

    def owners_of(self, name: Name) -> int:
        """How many owners are known to have claimed the name."""
        return len(self.by_name.of(name.label))

    def is_revoked(self, owner: OwnerId) -> bool:
        """Whether the owner's revocation is here, or was."""
        return owner.digest in self._revoked

    @property
    def claimed_names(self) -> int:
        """How many there are."""
        return len(self.by_name)

    @property
    def names(self) -> tuple[Name, ...]:
        """All names that somebody claimed."""
        return tuple(map(Name, self.by_name.groups()))

    @property
    def claims(self) -> int:
        """How many claims and proofs are here; last words and revocations have bounds of their own."""
        return len(self._by_id) - self._revocations - len(self.last_words)

    @property
    def revocations(self) -> int:
        """How many owners are revoked."""
        return len(self._revoked)

    def __iter__(self) -> Iterator[Claim]:
        """All claims, proofs and revocations, in the order in which they came."""
        return iter(tuple(self._by_id.values()))

    def snapshot(self) -> Snapshot:
        """What is here, as it is compared with what other nodes hold."""
        return self._by_id.snapshot()

    def canonical(self) -> bytes:
        """The content as bytes: equal for equal content, in whatever order it came."""
        return cbor.encode([claim.body for claim in sorted(self._by_id.values(), key=attrgetter("id"))])

    def __repr__(self) -> str:
        return f"Registry({len(self.by_name)} names, {len(self._by_id)} claims, {len(self._revoked)} revoked)"
