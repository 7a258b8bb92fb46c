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
                "naming/knowledge.py",
                "        changed: set[Key] = set()\n",
                "        changed: set[Key] = set()\n        self.holds.running = now\n",
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
        name="owner-quota-ignored",
        bug="One owner may fill the registries of others with as many live names as it likes.",
        plan="liars",
        invariant="S16",
        edits=(
            Edit(
                "naming/admission.py",
                "names=limits.holds_per_owner)",
                "names=20_000)",
            ),
        ),
    ),
    Mutant(
        name="first-come-first-served",
        bug="Of too many owners of a name, or names of an owner, those are kept that came first.",
        plan="crowded",
        invariant="L8",
        edits=(
            Edit(
                "naming/quota.py",
                "return sum(place_of(other) < place for other in others)",
                "return sum(1 for _ in others)",
            ),
            Edit(
                "naming/quota.py",
                "within = heapq.nsmallest(most, filter(counts, here), key=place_of)",
                "within = list(filter(counts, here))[:most]",
            ),
        ),
    ),
    Mutant(
        name="work-buys-no-place",
        bug="Whoever does more work for a name is crowded out by those who did the least.",
        test="naming/test_quota.py::test_the_owner_who_comes_after_many_cheaper_ones_is_kept",
        edits=(Edit("naming/precedence.py", "return -(held.level or 0),", "return 0,"),),
    ),
    Mutant(
        name="two-orders-for-two-quotas",
        bug="Owners of a name are ranked by work, and names of an owner by chance alone.",
        test="naming/test_quota.py::test_two_orders_that_differ_would_have_no_single_outcome_but_this_one_does",
        edits=(
            Edit(
                "naming/quota.py",
                "and _before(claim, filter(self._within_name, here)) >= self._names:",
                "and sum(place_of(one)[1] < place_of(claim)[1] for one in here) >= self._names:",
            ),
            Edit(
                "naming/quota.py",
                "within = heapq.nsmallest(most, filter(counts, here), key=place_of)",
                "chance = len({held.owner for held in here}) == 1\n"
                "    within = heapq.nsmallest(most, filter(counts, here), key=lambda one: place_of(one)[chance:])",
            ),
        ),
    ),
    Mutant(
        name="settled-crowded-out",
        bug="A crowd drives out whoever a node has known for days to hold a name.",
        test="naming/test_quota.py::test_own_pinned_called_and_settled_holds_are_kept",
        edits=(
            Edit("naming/admission.py", "and (self._settled(key) or self._spares(claim))", "and self._spares(claim)"),
        ),
    ),
    Mutant(
        name="crowd-brings-an-era-back",
        bug="When the last claim of an owner's era is crowded out, the key of the era before counts again.",
        test="naming/test_crowded_eras.py::test_to_crowd_a_name_brings_no_era_back_that_its_owner_left",
        edits=(
            Edit("naming/registry.py", "if entry.era and key[1].digest not in self.by_owner and", "if not entry and"),
        ),
    ),
    Mutant(
        name="crowd-hides-an-era",
        bug="Who met a crowd first learns nothing of an owner whose claim it has no room for.",
        test="naming/test_crowded_eras.py::test_who_met_the_crowd_first_learns_of_the_era_all_the_same",
        edits=(
            Edit(
                "naming/admission.py",
                "if not (claim.id in registry or (is_later and registry.last_words.has_room(claim))):",
                "if refusal:",
            ),
        ),
    ),
    Mutant(
        name="last-words-first-come",
        bug="Whoever comes last drives out what an owner said last, whatever work was done for it.",
        test="naming/test_last_words.py::test_those_stay_that_come_first",
        edits=(
            Edit(
                "naming/last_words.py",
                "(not is_full or (bool(self._order) and self._place(claim) < self._order[-1]))",
                "claim.level is not None",
            ),
            Edit(
                "naming/last_words.py",
                "if not self._order or self._place(claim) > self._order[-1]:",
                "if not self._order:",
            ),
        ),
    ),
    Mutant(
        name="deposits-forgotten-at-a-restart",
        bug="What is kept for the network is let go of at the next start.",
        test="naming/test_quota.py::test_what_was_deposited_is_kept_after_a_restart_and_what_was_asked_for_is_not",
        edits=(Edit("naming/loading.py", "self._known.deposits.load(hold)", "self._known.drop(hold)"),),
    ),
    Mutant(
        name="full-nodes-compare-each-minute",
        bug="Two nodes that are full of different claims send each other thousands of them each minute.",
        test="naming/test_spread.py::test_full_nodes_that_differ_in_more_than_can_be_remembered_compare_less_often",
        edits=(Edit("naming/link.py", " and now >= self._rests_until", ""),),
    ),
    Mutant(
        name="refused-claims-sent-each-minute",
        bug="What a peer has no room for is sent to it with each exchange.",
        test="naming/test_spread.py::test_two_nodes_that_differ_by_a_quota_do_not_send_the_same_claims_each_minute",
        edits=(Edit("naming/unkept.py", "if given.until > now}", "if given.until < 0}"),),
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
)
