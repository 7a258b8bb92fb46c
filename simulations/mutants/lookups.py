"""Bugs in how peers are asked about a name: which, for how long, and whose word counts."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="lookup-answers-are-not-submitted",
        bug="What peers answer to a question about a name is dropped.",
        test="naming/test_facade.py::test_a_name_that_a_peer_knows_to_be_held_is_refused",
        edits=(
            Edit(
                "naming/lookups.py",
                "            known = Submit(message.claims, peer, Lodging.SOUGHT)\n",
                "            known = Submit((), peer, Lodging.SOUGHT)\n",
            ),
        ),
    ),
    Mutant(
        name="negative-answers-for-ever",
        bug="That a name was not found is remembered for ever, so peers are never asked about it again.",
        test="naming/test_lookups.py::test_a_look_up_is_remembered_for_seconds_only",
        edits=(
            Edit(
                "naming/lookups.py",
                "self._recent[message.query] = self._clock.monotonic() + self._limits.negative_ttl, message",
                "self._recent[message.query] = self._clock.monotonic() + 1e9, message",
            ),
        ),
    ),
    Mutant(
        name="crashed-look-up-answers-nobody",
        bug="Whoever waits for a look-up that crashes is never answered.",
        plan="actors",
        invariant="L5",
        edits=(
            Edit(
                "naming/lookups.py",
                "                under_way.end(Sought(query, 0))\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="same-peers-always-asked",
        bug="Of many peers those of the lowest ids are asked about every name.",
        test="naming/test_lookups.py::test_whoever_is_connected_may_be_asked",
        edits=(
            Edit(
                "naming/lookups.py",
                "in drawn(up, self._limits.lookup_peers, self._entropy)",
                "in up[: self._limits.lookup_peers]",
            ),
        ),
    ),
    Mutant(
        name="sample-never-holds-the-last",
        bug="The peer at the end of the list is never drawn.",
        test="naming/test_lookups.py::test_each_is_as_likely_as_any_other",
        edits=(
            Edit("naming/lookups.py", "int(entropy.uniform() * len(left))", "int(entropy.uniform() * (len(left) - 1))"),
        ),
    ),
    Mutant(
        name="look-up-waits-for-the-slowest",
        bug="Whoever asks for a name waits for every peer, though the first answer decides.",
        test="naming/test_lookups.py::test_a_peer_that_never_answers_keeps_nobody_waiting",
        edits=(Edit("naming/lookups.py", "            under_way.hear(message)\n", "            pass\n"),),
    ),
    Mutant(
        name="look-up-ends-with-the-first-answer",
        bug="A look-up is over with the answer that decides it: what a slower peer knows better is never heard.",
        test="naming/test_lookups.py::test_a_better_answer_that_comes_late_is_taken_in",
        edits=(
            Edit(
                "naming/lookups.py",
                "        self._tell(Heard(self._query, self._answered, decided, by_dht=self._by_dht))\n",
                "        self._tell(Sought(self._query, self._answered) if decided else Heard(\n"
                "            self._query, self._answered, decided))\n",
            ),
        ),
    ),
    Mutant(
        name="no-second-opinion",
        bug="The word of one peer is given out at once, a moment before an honest one is heard.",
        test="naming/test_lookups.py::test_a_liar_who_is_first_is_found_out_by_the_next_answer",
        edits=(Edit("naming/lookups.py", 'certainty != "open" and not alone', 'certainty != "open"'),),
    ),
    Mutant(
        name="ignorance-is-an-opinion",
        bug="A peer that knows nothing of a name is taken for one that confirms what another says.",
        test="naming/test_lookups.py::test_who_knows_nothing_is_no_second_opinion",
        edits=(Edit("naming/lookups.py", "            if told:\n", "            if told is not None:\n"),),
    ),
    Mutant(
        name="owner-not-asked-for",
        bug="Of `name.<owner>` only the name is asked for, and any answer that decides the name ends the waiting.",
        test="naming/test_lookups.py::test_an_owner_asked_for_is_found_while_the_name_is_contested",
        edits=(Edit("naming/facade.py", "Seek(meant)", "Seek(Query(meant.name))"),),
    ),
    Mutant(
        name="any-owner-decides",
        bug="A question for one owner's claim is decided when it is known whom the name leads to.",
        test="naming/test_lookups.py::test_a_question_for_an_owner_is_decided_by_that_owner_s_claim_alone",
        edits=(
            Edit(
                "naming/lookups.py",
                '(standing.certainty != "open" and not alone) if whose is None else whose in standing.owners',
                'standing.certainty != "open" and not alone',
            ),
        ),
    ),
    Mutant(
        name="silence-remembered",
        bug="That nobody could be asked is remembered like 'nobody knows it'.",
        test="naming/test_lookups.py::test_nothing_is_remembered_when_nobody_could_be_asked",
        edits=(Edit("naming/lookups.py", "        if message.answered:\n", "        if message:\n"),),
    ),
)
