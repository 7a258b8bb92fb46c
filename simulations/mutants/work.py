"""Bugs in the work that claims show: what it is worth, whether it is asked for, done, kept and counted."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="work-is-not-asked-for",
        bug="A claim is taken in whatever its work is worth.",
        plan="worked",
        invariant="S1",
        edits=(Edit("naming/admission.py", "        if (claim.level or 0) < bits:\n", "        if bits < 0:\n"),),
    ),
    Mutant(
        name="work-for-any-owner",
        bug="Work is bound to network and name only: a thief shows the owner's.",
        test="naming/test_work.py::test_work_is_bound_to_network_name_and_owner",
        edits=(
            Edit(
                "naming/work.py",
                'name.label.encode("ascii"), owner.digest))',
                'name.label.encode("ascii"), bytes(len(owner.digest))))',
            ),
        ),
    ),
    Mutant(
        name="the-best-puzzle-counts",
        bug="The level is that of the best solution instead of the least.",
        test="naming/test_work.py::test_the_least_solution_counts",
        edits=(
            Edit(
                "naming/work.py",
                "        least = min(least, zero_bits(index, solution, salt, difficulty.memory_kib))\n",
                "        least = max(least % 256, zero_bits(index, solution, salt, difficulty.memory_kib))\n",
            ),
        ),
    ),
    Mutant(
        name="backer-lost-on-renewal",
        bug="A claim with less work takes the place of one with more, whose work is forgotten.",
        test="naming/test_registry.py::test_the_best_work_seen_outlives_a_renewal_that_drops_it",
        edits=(
            Edit(
                "naming/entry.py",
                "return Entry(best, rival, None if backer in {best, rival} else backer)",
                "return Entry(best, rival)",
            ),
        ),
    ),
    Mutant(
        name="work-of-an-era-before",
        bug="The work that was shown in an era before counts in the present one: a thief's, perhaps.",
        test="naming/test_registry.py::test_the_best_work_seen_outlives_a_renewal_that_drops_it",
        edits=(
            Edit("naming/entry.py", "        if claim.era > self.claim.era:\n            return Entry(claim)\n", ""),
        ),
    ),
    Mutant(
        name="renewal-without-work",
        bug="A renewal shows no work.",
        test="naming/test_names_at_work.py::test_a_renewal_a_tombstone_and_a_later_era_keep_the_work",
        edits=(
            Edit(
                "naming/keeper.py",
                "            inherits=holding.inherits,\n            work=proof.work,\n",
                "            inherits=holding.inherits,\n            work=proof.work if holding.entry is None else b'',\n",
            ),
        ),
    ),
    Mutant(
        name="twice-the-work-decides",
        bug="A name leads to whoever shows twice the work of the others.",
        test="naming/test_ranking.py::test_four_times_the_work_of_every_rival_decides",
        edits=(Edit("naming/work.py", "CLEAR: Final = 2", "CLEAR: Final = 1"),),
    ),
    Mutant(
        name="work-of-the-ended-counts",
        bug="A rival whose claim has ended still stands in the way of who has four times the work.",
        test="naming/test_ranking.py::test_work_of_one_that_has_ended_counts_for_nothing",
        edits=(
            Edit(
                "naming/ranking.py",
                "sorted(live, key=lambda entry: entry.level, reverse=True)",
                "sorted(known, key=lambda entry: entry.level, reverse=True)",
            ),
        ),
    ),
    Mutant(
        name="bad-work-is-free",
        bug="Claims with bad work cost their peer no more than good ones.",
        test="naming/test_proving.py::test_bad_work_costs_its_peer_and_nobody_else",
        edits=(Edit("naming/spread.py", "        if taken.bad:\n", "        if taken.bad < 0:\n"),),
    ),
    Mutant(
        name="work-checked-each-time",
        bug="What the work of a claim is worth is computed whenever a peer brings it.",
        test="naming/test_proving.py::test_what_was_computed_is_not_computed_again_good_or_bad",
        edits=(Edit("naming/proving.py", "                self.levels.remember(claim, level)\n", ""),),
    ),
    Mutant(
        name="less-work-is-not-less",
        bug="Who wants less work for a name than before gets as much as was wanted first.",
        test="naming/test_names_at_work.py::test_more_work_that_is_wanted_no_more_ends_within_a_slice",
        edits=(Edit("naming/keeper.py", "            self._solver.lower(self._name, message.level)\n", ""),),
    ),
)
