"""Bugs in how names are claimed, merged, admitted, ranked, answered and renewed."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="merge-keeps-first-seen",
        bug="A merge keeps the first claim of an owner for a name and never lets a later one replace it.",
        plan="spread",
        invariant="S13",
        edits=(
            Edit(
                "naming/entry.py",
                "        top = max(claim.position, self.claim.position)\n",
                "        if claim.position != self.claim.position:\n            return self\n"
                "        top = self.claim.position\n",
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
                "naming/entry.py",
                "        top = max(claim.position, self.claim.position)\n",
                "        top = claim.position\n",
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
                "naming/entry.py",
                "best, *others = sorted(counting, key=lambda one: one.order, reverse=True)",
                "best, *others = [*counting[1:], claim]",
            ),
        ),
    ),
    Mutant(
        name="tombstone-forgotten-early",
        bug="Tombstones are forgotten after ten minutes, while claims that they replaced can still come back.",
        plan="hours",
        invariant="S4",
        edits=(
            Edit(
                "naming/registry.py",
                "if held.issued + RETENTION < now and (held.name, held.owner) not in keep",
                "if held.issued + (600 if entry_of(held).claim.kind is Kind.TOMBSTONE else RETENTION) < now\n"
                "            and (held.name, held.owner) not in keep",
            ),
            Edit(
                "naming/registry.py",
                "        self.floor = max([self.floor, *(held.issued for held in old)])\n",
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
                "if digest in self._revoked or claim.era < self.era_of(claim.owner):",
                "if claim.era < self.era_of(claim.owner):",
            ),
            Edit("naming/admission.py", "if self._registry.is_revoked(owner):", "if claim.body is None:"),
        ),
    ),
    Mutant(
        name="settles-at-once",
        bug="Whoever was first to hold a name is settled as soon as a rival comes.",
        plan="challenges",
        invariant="S22",
        edits=(Edit("naming/holds.py", "self.running - seen.alone >= self._settle_after", "self.running >= 0"),),
    ),
    Mutant(
        name="settles-never",
        bug="However long a name was held alone, a rival stops it.",
        plan="challenges",
        invariant="S22",
        edits=(Edit("naming/holds.py", "self.running - seen.alone >= self._settle_after", "self.running < 0"),),
    ),
    Mutant(
        name="settles-by-the-wall-clock",
        bug="A wall clock that is set ahead makes a hold old.",
        plan="challenges",
        invariant="S22",
        edits=(
            Edit("naming/knowledge.py", "        self.holds.running += seconds\n", "        del seconds\n"),
            Edit(
                "naming/merging.py",
                "        changed: set[Key] = set()\n",
                "        changed: set[Key] = set()\n        self._holds.running = now\n",
            ),
        ),
    ),
    Mutant(
        name="settled-survives-a-release",
        bug="An owner who gave a settled name up, and claims it again, goes before whoever came meanwhile.",
        test="naming/test_holds.py::test_a_release_an_end_a_revocation_and_a_later_era_end_what_was_settled",
        edits=(
            Edit(
                "naming/holds.py",
                "                self._seen[key] = self._resumed(key, now) or begun\n",
                "                begun = Seen(begun.first, begun.heard, begun.alone, key in self._seen)\n"
                "                self._seen[key] = self._resumed(key, now) or begun\n",
            ),
        ),
    ),
    Mutant(
        name="former-era-admitted",
        bug="The key of an era that its owner has left claims other names of that owner still.",
        plan="liars",
        invariant="S2",
        edits=(
            Edit(
                "naming/registry.py",
                "if digest in self._revoked or claim.era < self.era_of(claim.owner):",
                "if digest in self._revoked:",
            ),
            Edit("naming/admission.py", "if claim.era < self._registry.era_of(owner):", "if claim.body is None:"),
        ),
    ),
    Mutant(
        name="former-era-stays",
        bug="What an owner said in a former era stays beside what is said in the present one.",
        plan="liars",
        invariant="S2",
        edits=(
            Edit(
                "naming/registry.py",
                "if not claim.era or claim.era <= self.era_of(claim.owner):",
                "if claim.body is not None:",
            ),
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
                "if claim.kind is not Kind.REVOCATION and _begins(claim) > now + MAX_AHEAD:",
                "if claim.body is None:",
            ),
        ),
    ),
    Mutant(
        name="expired-claims-resolve",
        bug="A claim whose time is over still answers.",
        plan="clocks",
        invariant="S3",
        edits=(Edit("naming/ranking.py", "and now <= end + grace", "and grace >= 0"),),
    ),
    Mutant(
        name="contested-first-wins",
        bug="A name with several owners leads to the first of them instead of to nobody.",
        plan="split",
        invariant="L2",
        edits=(
            Edit(
                "naming/ranking.py",
                "    return Contested(tuple(sorted((entry.claim for entry in live), key=lambda claim: claim.owner)))",
                "    return Sole(live[0].claim)",
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
                "    if name in bindings.pins:\n"
                "        return _by_binding(knowledge, _Pinned(bindings.pins[name]), now, cut_off=cut_off)\n",
                "    if name in bindings.pins:\n"
                "        try:\n"
                "            return _by_binding(knowledge, _Pinned(bindings.pins[name]), now, cut_off=cut_off)\n"
                "        except NameNotFound:\n"
                "            pass\n",
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
                "seq = before.seq + 1 if before else first_number(now)",
                "seq = before.seq if before else first_number(now)",
            ),
        ),
    ),
    Mutant(
        name="stale-grace-for-everybody",
        bug="Claims that ended resolve for three days more also while peers are connected.",
        plan="clocks",
        invariant="S3",
        edits=(
            Edit(
                "naming/ranking.py",
                "live = [entry for entry in entries if is_live(entry.claim, now)]\n",
                "live = [entry for entry in entries if is_live(entry.claim, now, grace=STALE_GRACE)]\n",
            ),
        ),
    ),
    Mutant(
        name="never-renewed",
        bug="Own claims are never signed anew, so names end after thirty days.",
        plan="months",
        invariant="S13",
        edits=(
            Edit(
                "naming/keeping.py",
                "return ahead or now >= claim.issued + RENEW_AFTER or claim.era < signer.keyset.era",
                "return ahead or claim.era < signer.keyset.era",
            ),
        ),
    ),
    Mutant(
        name="released-name-resolves",
        bug="A tombstone counts as a claim by which the name is served.",
        plan="spread",
        invariant="S3",
        edits=(
            Edit(
                "naming/ranking.py",
                "<= end + grace and claim.kind is Kind.LIVE",
                "<= end + grace and claim.kind is not Kind.REVOCATION",
            ),
        ),
    ),
    Mutant(
        name="claims-end-before-their-renewal",
        bug="Own claims are valid for nine days and renewed after ten.",
        plan="months",
        invariant="S13",
        edits=(
            Edit(
                "naming/keeping.py",
                "not_after=issued + MAX_VALIDITY,\n        ttl=",
                "not_after=issued + 9 * DAY,\n        ttl=",
            ),
        ),
    ),
    Mutant(
        name="to-come-again-pays-all",
        bug="Who owes and comes again owes nothing.",
        test="naming/test_spread_prices.py::test_to_come_again_gives_nobody_a_new_allowance",
        edits=(
            Edit(
                "naming/links.py",
                "            self._allowances.left(peer, link.allowance)\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="each-key-an-allowance",
        bug="Whoever makes a new key for each connection has an allowance for each.",
        test="naming/test_spread_prices.py::test_many_keys_of_one_network_get_the_share_of_one",
        edits=(
            Edit(
                "naming/spread.py",
                "            with link.allowance.over(stream.remote):\n",
                "            with link.allowance.over(None):\n",
            ),
        ),
    ),
    Mutant(
        name="pages-flush-what-was-chosen",
        bug="What pages load takes the room of what a person asked for.",
        test="naming/test_facade.py::test_what_a_person_opened_or_resolved_by_its_full_form_outlives_what_pages_load",
        edits=(
            Edit(
                "naming/knowledge.py",
                "(self._admission.chosen if chosen else self._admission.asked).add",
                "self._admission.asked.add",
            ),
        ),
    ),
    Mutant(
        name="heir-shown-as-registered",
        bug="Who registers a name that is handed over in that moment is told that its heir did.",
        test="naming/test_facade.py::test_to_register_a_name_that_is_given_to_another_in_that_moment_says_so",
        edits=(
            Edit(
                "naming/facade.py",
                'if resolution.source != "own":',
                'if resolution.source == "":',
            ),
        ),
    ),
)
