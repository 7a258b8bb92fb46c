"""Bugs in what a node keeps of too many claims: quotas, last words, deposits, and what full nodes say to each other."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
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
        edits=(Edit("naming/link.py", " and not self.unkept.rests(self._compared, self._rests_until)", ""),),
    ),
    Mutant(
        name="refused-claims-sent-each-minute",
        bug="What a peer has no room for is sent to it with each exchange.",
        test="naming/test_spread.py::test_two_nodes_that_differ_by_a_quota_do_not_send_the_same_claims_each_minute",
        edits=(
            Edit("naming/unkept.py", "if given.item and self.rests(given.at, given.until)}", "if given.until < 0}"),
        ),
    ),
)
