"""Bugs in what several machines of one owner hold together."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="held-on-after-another-machine-gave-it-up",
        bug="A machine goes on to claim a name that another one of its owner gave up.",
        plan="seats",
        invariant="S13",
        edits=(
            Edit(
                "naming/own.py",
                "(handed or was_given_up(self._held[name], said)):",
                "handed:",
            ),
        ),
    ),
    Mutant(
        name="what-another-machine-said-is-not-heard",
        bug="What two machines of one owner signed at once is looked at after an hour, and not within seconds.",
        test="naming/test_machines.py::test_two_machines_of_one_owner_share_a_name_and_heal_an_equivocation",
        edits=(
            Edit("naming/announcing.py", "                self._names.tell(Rouse(name))\n", "                pass\n"),
        ),
    ),
    Mutant(
        name="holds-a-name-without-claiming-it",
        bug="A machine does not claim a name that another one of its owner holds.",
        plan="seats",
        invariant="L11",
        edits=(Edit("naming/keeping.py", " or signer.peer not in entry.claim.peers:\n", ":\n"),),
    ),
    Mutant(
        name="claimed-for-one-machine-alone",
        bug="A machine that claims a name claims it for itself, and not for the owner's others.",
        plan="seats",
        invariant="L11",
        edits=(
            Edit(
                "naming/keeping.py",
                "    claims: tuple[Claim, ...] = entry.claims if entry else ()\n",
                "    claims: tuple[Claim, ...] = ()\n",
            ),
        ),
    ),
    Mutant(
        name="number-of-another-machine-signed-again",
        bug="A machine that claims a name beside another one signs the number that this one has signed.",
        plan="seats",
        invariant="S5",
        edits=(
            Edit(
                "naming/keeping.py",
                "seq = before.seq + 1 if before else first_number(now)",
                "seq = before.seq + (signer.peer in before.peers) if before else first_number(now)",
            ),
        ),
    ),
    Mutant(
        name="claims-beside-another-machine-not-kept",
        bug="A claim that leads to several machines is not written to the store.",
        plan="power",
        invariant="S5",
        edits=(
            Edit(
                "naming/merging.py",
                "            changed.add((claim.name, owner))\n",
                "            changed = set() if len(claim.peers) > 1 else changed | {(claim.name, owner)}\n",
            ),
        ),
    ),
    Mutant(
        name="next-machine-not-asked",
        bug="What one machine of a name does not offer is asked of no other.",
        plan="seats",
        invariant="L3",
        edits=(
            Edit(
                "tunnels/opening.py",
                "                missing = error\n",
                "                raise error from None\n",
            ),
        ),
    ),
    Mutant(
        name="handed-over-and-taken-back-by-the-next-era",
        bug="A name that was handed over by the phrase is claimed anew in the machine's next era.",
        test="naming/test_handing_over.py::"
        "test_who_opens_an_era_as_soon_as_another_machine_handed_a_name_over_does_not_claim_it_again",
        edits=(
            Edit(
                "naming/own.py",
                "        if handed and begins:\n",
                "        if False:\n",
            ),
        ),
    ),
    Mutant(
        name="held-on-after-another-machine-handed-it-over",
        bug="A machine goes on to hold a name that another one of its owner handed over.",
        test="naming/test_handing_over.py::test_what_a_thief_handed_over_by_the_key_of_an_era_is_claimed_anew_in_the_next_one",
        edits=(
            Edit(
                "naming/own.py",
                "(handed or was_given_up(self._held[name], said)):",
                "was_given_up(self._held[name], said):",
            ),
        ),
    ),
    Mutant(
        name="release-opens-the-era",
        bug="A name that is released as the first word of an era is given up on this machine alone.",
        test="naming/test_keeping.py::test_a_tombstone_says_what_it_gives_up_also_of_an_earlier_era",
        edits=(
            Edit(
                "naming/keeping.py",
                'replaced = replaced if kind is Kind.TOMBSTONE else b""',
                'replaced = b""',
            ),
        ),
    ),
    Mutant(
        name="handed-over-by-a-thief-for-good",
        bug="What a thief of the present key hands over is not claimed anew in the owner's next era.",
        test="naming/test_handing_over.py::test_what_a_thief_handed_over_by_the_key_of_an_era_is_claimed_anew_in_the_next_one",
        edits=(Edit("naming/own.py", "        if handed and begins:\n", "        if handed:\n"),),
    ),
    Mutant(
        name="handed-over-and-claimed-at-once",
        bug="A machine that claims a name with the number by which another one of its owner handed it over undoes that.",
        test="naming/test_handing_over.py::test_a_machine_that_claims_before_it_hears_of_a_transfer_hands_the_name_over_again",
        edits=(Edit("naming/keeping.py", "    return rival.terms.successor\n", "    return None\n"),),
    ),
    Mutant(
        name="answers-whoever-has-the-key-at-once",
        bug="Who has a copy of the key makes this machine sign as often as it likes.",
        test="naming/test_machines.py::test_who_speaks_as_the_owner_again_and_again_is_answered_each_few_seconds_at_most",
        edits=(Edit("naming/keeper.py", "self.send_after(_ROUSED, Tend())", "self.send_after(0.0, Tend())"),),
    ),
)
