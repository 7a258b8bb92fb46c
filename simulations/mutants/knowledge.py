"""Bugs in how a node keeps what it knows of names, and in what it tells its person."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="only-owner-is-everybody",
        bug="What the only owner of a name says passes for what any other says of it.",
        test="naming/test_shelf.py::test_it_is_a_dictionary_of_dictionaries",
        edits=(
            Edit(
                "naming/shelf.py",
                "return here if here is not None and self._member(here) == member else None",
                "return None if isinstance(here, dict) else here",
            ),
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
                "        self.own.signed(claim)\n",
                "        self.own.signed(claim)\n"
                "        if claim.kind in {Kind.TOMBSTONE, Kind.TRANSFER}:\n"
                "            self.registry._drop((claim.name, claim.owner))\n"
                "            self.drop((claim.name, claim.owner))\n",
            ),
        ),
    ),
    Mutant(
        name="register-does-not-ask-peers",
        bug="A name that is known to be held is claimed without asking, as if every registration contested.",
        plan="months",
        invariant="S3",
        edits=(Edit("naming/knowledge.py", "if rivals and not contest:", "if rivals and contest is None:"),),
    ),
    Mutant(
        name="early-claims-lost",
        bug="A claim that waits for its time is dropped when that has come.",
        test="naming/test_knowledge.py::test_an_early_claim_waits_for_its_time",
        edits=(
            Edit(
                "naming/knowledge.py",
                "        return [claim for one in waiting.values() if (claim := self.take_proved(one, now)) is not None]\n",
                "        return [one for one in waiting.values() if one.terms is None]\n",
            ),
        ),
    ),
    Mutant(
        name="era-repeats-the-thief",
        bug="In a new era the machines are named that the last claim of the era before named, a thief's perhaps.",
        test="naming/test_eras.py::test_a_new_era_claims_the_own_names_at_once_and_nothing_that_a_thief_said",
        edits=(
            Edit(
                "naming/keeping.py",
                '        entry = None\n        replaced = replaced if kind is Kind.TOMBSTONE else b""\n',
                "        pass\n",
            ),
            Edit("naming/names.py", "        if not claims:\n            return\n", "        return\n"),
        ),
    ),
    Mutant(
        name="contest-of-a-pin-is-not-told",
        bug="A person is not told that another owner claims a name that is pinned.",
        test="naming/test_events.py::test_what_happens_to_a_pinned_name",
        edits=(Edit("naming/events.py", "            for owner in came:\n", "            for owner in came[1:]:\n"),),
    ),
    Mutant(
        name="heir-of-a-pin-is-called-a-rival",
        bug="Whoever pinned a name that was handed over is told that a rival claims it when the heir registers it.",
        test="naming/test_events.py::test_whoever_gets_a_name_is_told_and_who_pinned_it_hears_of_the_heir_and_of_no_rival",
        edits=(
            Edit("naming/events.py", "                if owner == heir:\n", "                if owner is claim:\n"),
        ),
    ),
)
