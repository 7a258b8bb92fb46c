"""Bugs in what a person binds on a machine, and in how a name goes from one owner to another."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="petname-asked-of-peers",
        bug="Peers are asked for a petname, and not for what it stands for.",
        test="naming/test_facade.py::test_a_petname_leads_to_one_owner_and_no_peer_hears_of_it",
        edits=(Edit("naming/facade.py", "Seek(meant)", "Seek(query)"),),
    ),
    Mutant(
        name="petname-answers-stay",
        bug="Whoever keeps answers is not told that a petname leads elsewhere.",
        test="naming/test_answering.py::test_a_petname_answers_or_fails_but_never_gives_way",
        edits=(
            Edit(
                "naming/merging.py",
                "petnames = [petname for name in touched for petname in self._bindings.petnames_of(name)]",
                "petnames: list[Name] = []",
            ),
        ),
    ),
    Mutant(
        name="transfer-of-a-known-era-settles",
        bug="Whoever has a machine's key can hand over what was settled, with its rank.",
        plan="copied",
        invariant="S22",
        edits=(Edit("naming/holds.py", "if ended is None and opens and seen", "if ended is None and seen"),),
    ),
    Mutant(
        name="handed-over-name-claimed-again",
        bug="Another machine of the owner takes a name back that was handed over.",
        test="naming/test_handing_over.py::test_another_machine_of_the_owner_holds_a_name_no_longer_that_was_handed_over",
        edits=(
            Edit(
                "naming/keeping.py",
                "or claim.issued <= own.since:",
                "or claim.issued >= own.since:",
            ),
        ),
    ),
    Mutant(
        name="given-up-name-claimed-again",
        bug="Another machine of the owner takes a name back that was given up.",
        test="naming/test_machines.py::test_a_name_that_another_machine_of_the_owner_gave_up_is_held_here_no_longer",
        edits=(
            Edit(
                "naming/own.py",
                "elif name in self._held and (handed or was_given_up(self._held[name], said)):",
                "elif name in self._given_up and was_given_up(self._given_up[name], said):",
            ),
        ),
    ),
    Mutant(
        name="given-up-and-to-be-handed-over",
        bug="A name that a person here is about to hand over is given up when another machine of the owner releases it.",
        test="naming/test_keeping.py::test_a_name_was_given_up_by_a_tombstone_after_it_was_registered",
        edits=(
            Edit(
                "naming/keeping.py",
                "claim.kind is not Kind.TOMBSTONE or own.handing is not None:",
                "claim.kind is not Kind.TOMBSTONE:",
            ),
        ),
    ),
    Mutant(
        name="handed-over-before-it-was-registered-again",
        bug="A name is handed over once more by what was said before a person registered it again, or in another era.",
        test="naming/test_keeping.py::test_a_name_was_handed_over_beside_the_claim_that_counts",
        edits=(
            Edit(
                "naming/keeping.py",
                " or rival.issued <= own.since or rival.era != signer.keyset.era:",
                ":",
            ),
        ),
    ),
    Mutant(
        name="given-up-by-a-thief",
        bug="What a thief gave up by a machine's key is not claimed anew in the era that ends it.",
        test="naming/test_own.py::test_what_another_machine_gave_up_is_held_no_longer_also_after_a_restart",
        edits=(
            Edit("naming/answering.py", "own = {**knowledge.own, **knowledge.own.given_up}", "own = knowledge.own"),
        ),
    ),
    Mutant(
        name="name-in-use-makes-room",
        bug="A random name is released to make room although something is offered under it.",
        test="naming/test_own.py::test_a_random_name_makes_room_unless_it_is_in_use",
        edits=(Edit("naming/own.py", " or name in in_use or ", " or "),),
    ),
    Mutant(
        name="chosen-name-makes-room",
        bug="A random name is released to make room although a person registered it by itself.",
        test="node/test_making_room.py::test_a_random_name_that_nothing_uses_makes_room",
        edits=(
            Edit(
                "naming/registrar.py",
                "        if not message.made:\n            known.made.choose(name)\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="transfer-without-its-era",
        bug="A name is handed over although the key of the era for it was never written.",
        test="naming/test_handing_over.py::test_a_name_is_handed_over_to_its_next_owner_and_a_pin_goes_along",
        edits=(
            Edit(
                "naming/keeping.py",
                "own.handing is not None and signer.keyset.era >= own.handing.era",
                "own.handing is not None",
            ),
        ),
    ),
    Mutant(
        name="frame-makes-a-pin",
        bug="A page can have a name pinned by loading it into a frame.",
        plan="pages",
        invariant="S23",
        edits=(
            Edit("ingress/navigation.py", '    b"sec-fetch-dest": b"document",  # no frame, embed or object\n', ""),
        ),
    ),
    Mutant(
        name="page-over-http-makes-a-pin",
        bug="A use is believed that anybody can say over HTTP.",
        test="ingress/test_gate.py::test_a_page_that_a_person_opens_is_a_use_of_its_name",
        edits=(Edit("ingress/gate.py", 'seen=head.navigates and self.kind == "https"', "seen=head.navigates"),),
    ),
    Mutant(
        name="contested-name-pinned-by-use",
        bug="A forward to another name pins the name to whoever claimed it last.",
        plan="spread",
        invariant="S23",
        edits=(
            Edit(
                "naming/registrar.py",
                "            self._known.bindings.pin_by_use(name, found.owner, message.how, now)\n",
                "            for other in sorted(self._known.registry.names):\n"
                "                self._known.bindings.pin_by_use(other, found.owner, message.how, now)\n",
            ),
        ),
    ),
    Mutant(
        name="page-gives-its-owner-room",
        bug="Whose page a person opens may fill this node with names.",
        test="naming/test_bindings.py::test_to_open_a_page_gives_its_owner_no_room",
        edits=(
            Edit(
                "naming/bindings.py",
                'for pin in self.pins.values() if pin.how == "command")',
                "for pin in self.pins.values())",
            ),
        ),
    ),
    Mutant(
        name="signs-before-asking",
        bug="A machine that was restored from a backup signs a number again that others know already.",
        test="naming/test_keeper.py::test_a_machine_that_was_set_back_asks_before_it_signs",
        edits=(
            Edit(
                "naming/keeper.py", "                while await self._replaces():\n", "                while False:\n"
            ),
        ),
    ),
)
