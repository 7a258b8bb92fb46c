"""Bugs in how names are claimed, merged, admitted, kept and spread."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="merge-keeps-first-seen",
        bug="A merge keeps the first claim of an owner for a name and never lets a later one replace it.",
        plan="spread",
        invariant="S13",
        edits=(
            Edit(
                "naming/registry.py",
                "return Entry(claim) if claim.position > self.claim.position else self",
                "return self",
            ),
        ),
    ),
    Mutant(
        name="merge-keeps-last-heard",
        bug="Of one owner's claims the one that was heard of last counts, whatever its number.",
        plan="spread",
        invariant="S2",
        edits=(
            Edit(
                "naming/registry.py",
                "return Entry(claim) if claim.position > self.claim.position else self",
                "return Entry(claim)",
            ),
        ),
    ),
    Mutant(
        name="equivocation-first-wins",
        bug="Of two claims with one number the one that came first counts, so that nodes disagree for good.",
        plan="liars",
        invariant="S2",
        edits=(
            Edit(
                "naming/registry.py",
                "best, second, *_ = sorted([claim, *known], key=lambda one: one.order, reverse=True)",
                "best, second, *_ = [*known, claim]",
            ),
        ),
    ),
    Mutant(
        name="rival-lost-in-store",
        bug="The proof of an equivocation is not read back from the store.",
        plan="rivals",
        invariant="S4",
        edits=(
            Edit("naming/knowledge.py", "self.registry.merge_all(entry.claims)", "self.registry.merge(entry.claim)"),
        ),
    ),
    Mutant(
        name="tombstone-dropped-at-origin",
        bug="A name that is released is forgotten at once at its owner, with the tombstone that should replace it.",
        plan="spread",
        invariant="S13",
        edits=(
            Edit(
                "naming/knowledge.py",
                "            self._changes.append(records.drop_own(claim.name))\n        return verdict is Verdict.NEW\n",
                "            self._changes.append(records.drop_own(claim.name))\n"
                "            self.registry._drop((claim.name, claim.owner))\n"
                "            self._forget((claim.name, claim.owner))\n"
                "        return verdict is Verdict.NEW\n",
            ),
        ),
    ),
    Mutant(
        name="tombstone-forgotten-early",
        bug="Tombstones are forgotten after an hour, while claims that they replaced can still come back.",
        plan="hours",
        invariant="S4",
        edits=(
            Edit(
                "naming/registry.py",
                "if max(claim.terms.issued for claim in entry.claims) + RETENTION < now and (name, owner) not in keep",
                "if max(claim.terms.issued for claim in entry.claims)\n"
                "            + (3600 if entry.claim.kind is Kind.TOMBSTONE else RETENTION) < now\n"
                "            and (name, owner) not in keep",
            ),
            Edit(
                "naming/registry.py",
                "            self.floor = max(self.floor, *(claim.terms.issued"
                " for claim in self._by_name[name][owner].claims))\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="signature-not-checked",
        bug="Claims are admitted whoever signed them.",
        plan="liars",
        invariant="S1",
        edits=(Edit("naming/admission.py", "if not claim.genuine():", "if claim.body is None:"),),
    ),
    Mutant(
        name="revocation-not-absorbing",
        bug="After an owner was revoked, claims of that owner are taken in again.",
        plan="liars",
        invariant="S2",
        edits=(
            Edit(
                "naming/registry.py",
                "        if claim.owner in self._revoked:\n            return False\n",
                "",
            ),
            Edit("naming/admission.py", "if self._registry.is_revoked(claim.owner):", "if claim.body is None:"),
        ),
    ),
    Mutant(
        name="future-claims-admitted",
        bug="A claim from the future is taken in at once instead of waiting for its time.",
        plan="clocks",
        invariant="S1",
        edits=(
            Edit(
                "naming/admission.py",
                "if claim.kind is not Kind.REVOCATION and claim.terms.issued > now + MAX_AHEAD:",
                "if claim.body is None:",
            ),
        ),
    ),
    Mutant(
        name="expired-claims-resolve",
        bug="A claim whose time is over still answers.",
        plan="clocks",
        invariant="S3",
        edits=(Edit("naming/ranking.py", "and now <= terms.not_after + grace", "and grace >= 0"),),
    ),
    Mutant(
        name="contested-first-wins",
        bug="A name with several owners leads to the first of them instead of to nobody.",
        plan="split",
        invariant="L2",
        edits=(
            Edit(
                "naming/ranking.py",
                "return Sole(live[0]) if len(live) == 1 else Contested(tuple(sorted(live, key=lambda claim: claim.owner)))",
                "return Sole(live[0])",
            ),
        ),
    ),
    Mutant(
        name="pin-gives-way",
        bug="A pinned name whose owner holds it no more is given to whoever else claims it.",
        plan="pins",
        invariant="S3",
        edits=(
            Edit(
                "naming/answering.py",
                "    if pin is not None:\n        return _by_pin(knowledge, pin, now, cut_off=cut_off)\n",
                "    if pin is not None:\n"
                "        try:\n"
                "            return _by_pin(knowledge, pin, now, cut_off=cut_off)\n"
                "        except NameNotFound:\n"
                "            pass\n",
            ),
        ),
    ),
    Mutant(
        name="owner-quota-ignored",
        bug="One owner may fill the registries of others with as many live names as it likes.",
        plan="liars",
        invariant="S16",
        edits=(
            Edit(
                "naming/admission.py",
                "if same >= (limits.names_per_owner if live else limits.tombstones_per_owner):",
                "if same >= 20_000:",
            ),
        ),
    ),
    Mutant(
        name="seq-not-raised",
        bug="The next claim of an own name has the number of the one that it replaces.",
        plan="spread",
        invariant="S5",
        edits=(
            Edit(
                "naming/keeping.py",
                "seq = before.terms.seq + 1 if before else first_number(now)",
                "seq = before.terms.seq if before else first_number(now)",
            ),
        ),
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
        name="news-not-pushed",
        bug="A claim that is new is pushed to the peer that it came from and to nobody else.",
        plan="spread",
        invariant="L1",
        edits=(Edit("naming/spread.py", "if peer != message.source and", "if peer == message.source and"),),
    ),
    Mutant(
        name="exchange-one-way",
        bug="In an exchange the opener takes what it lacks and does not give what the other side lacks.",
        plan="split",
        invariant="L1",
        edits=(
            Edit(
                "naming/spread.py",
                "            await self._send_wanted(talk, tuple(one for one in ids if one in wanted))\n"
                "            await talk.send(Done())",
                "            await talk.send(Done())",
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
                "naming/knowledge.py",
                "        elif own.owner == self.owner:\n            self.own[own.name] = own\n",
                "        elif own.owner == self.owner:\n            pass\n",
            ),
        ),
    ),
)
