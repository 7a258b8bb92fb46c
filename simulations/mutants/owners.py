"""Bugs in what owners do by the recovery phrase, and in what follows them."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="pin-follows-a-known-era",
        bug="Whoever has a machine's key can take along what was pinned, by a transfer in an era that is known.",
        plan="copied",
        invariant="S24",
        edits=(
            Edit(
                "naming/pins.py",
                "        if claim.era <= pin.era and claim.id != pin.mark:\n            return pin\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="pin-follows-nobody",
        bug="What was pinned stays with whoever handed the name over.",
        plan="heirs",
        invariant="S24",
        edits=(
            Edit(
                "naming/pins.py",
                '        pin = attrs.evolve(pin, owner=successor, era=0, seq=0, issued=0, mark=b"")\n',
                "        return pin\n",
            ),
        ),
    ),
    Mutant(
        name="petname-is-for-everybody",
        bug="A petname leads to whoever holds the name now.",
        plan="heirs",
        invariant="S3",
        edits=(
            Edit(
                "naming/answering.py",
                "        return _by_binding(knowledge, _Petname(name, bindings.petnames[name]), now, cut_off=cut_off)\n",
                "        return resolve(knowledge, Query(bindings.petnames[name].name), now, cut_off=cut_off)\n",
            ),
        ),
    ),
    Mutant(
        name="petname-stays-behind",
        bug="A pin follows its owner, and a petname does not.",
        plan="heirs",
        invariant="S24",
        edits=(
            Edit(
                "naming/bindings.py",
                "            if (after := follow(meant, self._registry)) != meant:\n",
                "            if (after := meant) != meant:\n",
            ),
        ),
    ),
    Mutant(
        name="era-of-nothing",
        bug="An owner who holds no name opens no era, and the key before goes on to be believed.",
        plan="nothing",
        invariant="L1",
        edits=(
            Edit(
                "naming/answering.py",
                "    names = names or sorted(spoken, key=lambda name: (knowledge.bindings.decides(name), name))[:1]\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="given-up-in-the-era-and-told-to-come-back",
        bug="A command says that an era claims what another machine gave up, or handed over, in that era.",
        test="naming/test_eras.py::test_a_node_claims_in_an_era_what_a_command_says_before_it_runs",
        edits=(Edit("naming/offline.py", "said.era >= era:", "said.era > era:"),),
    ),
    Mutant(
        name="revoked-and-told-to-claim",
        bug="A command says that a later era claims the names of an owner who was revoked.",
        test="naming/test_offline.py::test_a_later_era_of_whoever_was_revoked_claims_nothing",
        edits=(Edit("naming/offline.py", "    if await is_revoked(store, owner):\n        return EraNames()\n", ""),),
    ),
    Mutant(
        name="taken-back-by-the-first-alone",
        bug="What an era is to take back is forgotten where another machine of the owner opened it first.",
        test="naming/test_eras.py::test_what_is_to_be_taken_back_is_so_though_another_machine_opens_the_era_first",
        edits=(Edit("naming/names.py", "        await self._take_back(former)\n", ""),),
    ),
    Mutant(
        name="rotated-told-of-the-first-alone",
        bug="Of the names that an owner signs anew in an era, people hear of the one that came first alone.",
        test="naming/test_merging.py"
        "::test_a_name_that_an_era_left_out_is_told_a_while_later_unless_it_is_claimed_again",
        edits=(Edit("naming/merging.py", "known = silent if entry is None else entry", "known = entry"),),
    ),
    Mutant(
        name="left-behind-told-as-given-up",
        bug="What an owner has not claimed in a later era is told as given up.",
        test="naming/test_merging.py"
        "::test_a_name_that_an_era_left_out_is_told_a_while_later_unless_it_is_claimed_again",
        edits=(
            Edit(
                "naming/events.py",
                "        self.note(Happening.LEFT_BEHIND, ",
                "        self.note(Happening.RELEASED, ",
            ),
        ),
    ),
    Mutant(
        name="era-of-what-is-heard-late",
        bug="A machine that knew of nothing at its start opens no era when it hears what was said in the one before.",
        test="naming/test_eras.py"
        "::test_an_era_is_opened_as_soon_as_anything_of_before_is_heard_where_nothing_was_known",
        edits=(Edit("naming/names.py", "        if message.era < self._key.era:\n", "        if False:\n"),),
    ),
    Mutant(
        name="era-opened-by-giving-up-what-is-held",
        bug="A name that a person registers as an era is opened may be given up to open it.",
        test="naming/test_eras.py::test_a_name_that_is_registered_as_the_era_is_opened_is_not_given_up_for_that",
        edits=(Edit("naming/own.py", "        if claim.name in self._held:\n", "        if False:\n"),),
    ),
    Mutant(
        name="era-recovered-unasked",
        bug="Nobody is asked about the key of an era that was not heard to be open.",
        test="cli/test_owner_commands.py::test_an_era_that_nobody_was_heard_to_open_is_asked_for",
        edits=(Edit("cli/owner_commands.py", "    if era is not None and era > heard:\n", "    if False:\n"),),
    ),
    Mutant(
        name="era-of-the-past-recovered",
        bug="A machine that knows of a later era gets the key of one that is past, and is told that all is well.",
        test="cli/test_owner_commands.py::test_an_era_that_is_past_is_refused_with_the_latest_that_was_heard_of",
        edits=(Edit("cli/home_at_rest.py", "        if wanted < heard:\n", "        if False:\n"),),
    ),
    Mutant(
        name="era-heard-of-not-counted",
        bug="The latest era that a home knows is that of its own key, whatever was heard of other machines.",
        test="node/test_owning.py::test_the_latest_era_that_is_known_is_that_of_the_key_or_of_what_was_heard",
        edits=(
            Edit(
                "node/owning.py",
                "        return max(keys.owner.era, await spoken_era(self._store, self._chain.owner_id))\n",
                "        return keys.owner.era\n",
            ),
        ),
    ),
    Mutant(
        name="revocation-not-kept",
        bug="A revocation is not written to the store.",
        plan="revoked",
        invariant="S4",
        edits=(
            Edit(
                "naming/knowledge.py",
                "            self._changes.append(claim_rows.put_revocation(claim))\n",
                "            pass\n",
            ),
        ),
    ),
)
