"""Bugs in what is durable of names: said before the store has it, never written, or not read back."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="rival-lost-in-store",
        bug="The proof of an equivocation is not read back from the store.",
        plan="rivals",
        invariant="S4",
        edits=(Edit("naming/loading.py", "registry.merge_all(entry.claims)", "registry.merge(entry.claim)"),),
    ),
    Mutant(
        name="row-read-from-anywhere",
        bug="The sum of a stored claim's row says nothing about whose row it is.",
        test="naming/test_claim_rows.py::test_a_row_under_another_ones_key_is_found",
        edits=(Edit("naming/rows.py", "hashlib.blake2b(key + data,", "hashlib.blake2b(data,"),),
    ),
    Mutant(
        name="ack-before-sync",
        bug="A change of names is acknowledged before the store has it.",
        plan="boots",
        invariant="S5",
        edits=(
            Edit(
                "naming/ledger.py",
                "self._pending.append(_Pending(changes, done, failed))",
                "self._pending.append(_Pending(changes, _nothing, failed))\n        done()",
            ),
        ),
    ),
    Mutant(
        name="own-names-not-reloaded",
        bug="After a restart a node does not know that its own names are its own.",
        plan="boots",
        invariant="S13",
        edits=(
            Edit(
                "naming/loading.py",
                "        elif own.owner == self._known.owner:\n            self._known.own.load(own)\n",
                "        elif own.owner == self._known.owner:\n            pass\n",
            ),
        ),
    ),
    Mutant(
        name="new-claims-not-kept",
        bug="A claim that is new is merged and never written to the store.",
        plan="boots",
        invariant="S5",
        edits=(
            Edit(
                "naming/merging.py",
                "            changed.add((claim.name, owner))\n",
                "            changed.clear()\n",
            ),
        ),
    ),
    Mutant(
        name="refused-commit-is-acknowledged",
        bug="Whoever waits for a commit that the disk refused is told that it was done.",
        plan="disks",
        invariant="S13",
        edits=(
            Edit(
                "naming/ledger.py",
                "            pending.failed(StorageError(str(error)))  # one each: a traceback grows with every raise\n",
                "            pending.done()\n",
            ),
        ),
    ),
    Mutant(
        name="floor-not-kept",
        bug="Up to when claims were forgotten is not written to the store.",
        test="naming/test_registrar.py::test_old_claims_are_forgotten_hourly_but_not_by_a_clock_that_jumps",
        edits=(
            Edit(
                "naming/knowledge.py",
                "        if self.registry.floor != floor:\n            self._changes.append(records.put_floor(self.registry.floor))\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="pin-answered-before-commit",
        bug="A pin is acknowledged before it is in the store.",
        plan="boots",
        invariant="S13",
        edits=(
            Edit(
                "naming/registrar.py",
                "        self._ledger.commit_for(self.defer(), pin)",
                "        self.defer().set(pin)\n        self._ledger.commit()",
            ),
        ),
    ),
    Mutant(
        name="claim-announced-before-commit",
        bug="Peers are told of an own claim before it is in the store.",
        plan="disks",
        invariant="S5",
        edits=(
            Edit(
                "naming/announcing.py",
                "            self._tell(new, elsewhere, source, ours=ours)\n            reply.set(value)\n",
                "            reply.set(value)\n",
            ),
            Edit(
                "naming/registrar.py",
                "        new = [claim for claim in message.claims if self._known.publish(claim, now)]\n",
                "        new = [claim for claim in message.claims if self._known.publish(claim, now)]\n"
                "        self._announcer._tell(new, (), None)\n",
            ),
        ),
    ),
)
