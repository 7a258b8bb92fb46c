"""Bugs in how a node keeps what it knows of names, tells it to peers and asks them."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="rival-lost-in-store",
        bug="The proof of an equivocation is not read back from the store.",
        plan="rivals",
        invariant="S4",
        edits=(Edit("naming/loading.py", "registry.merge_all(entry.claims)", "registry.merge(entry.claim)"),),
    ),
    Mutant(
        name="row-read-from-anywhere",
        bug="The sum of a stored claim's row says nothing about whose row it is.",
        test="naming/test_claim_rows.py::test_a_row_under_another_ones_key_is_found",
        edits=(Edit("naming/rows.py", "hashlib.blake2b(key + data,", "hashlib.blake2b(data,"),),
    ),
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
        test="naming/test_spread.py::test_a_change_reaches_the_far_end_of_a_chain_without_echo",
        edits=(Edit("naming/spread.py", "if peer != message.source and", "if peer == message.source and"),),
    ),
    Mutant(
        name="named-is-asked-of-everybody",
        bug="A claim that several peers name is asked of all of them at once.",
        test="naming/test_hearsay.py::test_the_first_that_names_a_claim_is_asked_at_once_and_each_other_a_while_later",
        edits=(Edit("naming/hearsay.py", "named.turn = when + self._patience", "named.turn = when"),),
    ),
    Mutant(
        name="named-again-delays-again",
        bug="Each time that a peer names a claim again, all others have to wait for longer.",
        test="naming/test_hearsay.py::test_who_names_a_claim_again_and_again_delays_it_once",
        edits=(
            Edit("naming/hearsay.py", "elif named.turn < inf and peer not in named.peers:", "elif named.turn < inf:"),
        ),
    ),
    Mutant(
        name="forged-counts-as-come",
        bug="Whatever a peer sends is asked of nobody any more, also what was refused.",
        test="naming/test_spread.py::test_a_forgery_of_a_claim_that_was_not_heard_of_yet_keeps_it_from_nobody",
        edits=(
            Edit(
                "naming/spread.py",
                "        taken: Taken = await self._registrar.ask(Submit(claims, peer), timeout=_ASK)\n",
                "        taken: Taken = await self._registrar.ask(Submit(claims, peer), timeout=_ASK)\n"
                "        self._hearsay.came(one for one, _claim in with_ids(claims))\n",
            ),
        ),
    ),
    Mutant(
        name="exchange-one-way",
        bug="In an exchange what the other side lacks or wants is not given.",
        plan="split",
        invariant="L1",
        edits=(
            Edit(
                "naming/exchanging.py",
                "            while some := tuple(islice(left, protocol.MAX_CLAIMS)):",
                "            while some := tuple(islice(left, 0)):",
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
                "naming/loading.py",
                "        elif own.owner == self._known.owner:\n            self._known.own.load(own)\n",
                "        elif own.owner == self._known.owner:\n            pass\n",
            ),
        ),
    ),
    Mutant(
        name="new-claims-not-kept",
        bug="A claim that is new is merged and never written to the store.",
        plan="boots",
        invariant="S5",
        edits=(
            Edit(
                "naming/merging.py",
                "            changed.add((claim.name, owner))\n",
                "            changed.clear()\n",
            ),
        ),
    ),
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
        name="failed-push-forgotten",
        bug="Claims that could not be pushed are forgotten: no exchange makes good for them.",
        test="naming/test_spread.py::test_a_push_that_was_under_way_when_its_stream_ended_is_repaired",
        edits=(
            Edit(
                "naming/spread.py",
                "                self._unreached.note(peer, error)\n                link.behind = True\n",
                "                self._unreached.note(peer, error)\n",
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
        name="refused-commit-is-acknowledged",
        bug="Whoever waits for a commit that the disk refused is told that it was done.",
        plan="disks",
        invariant="S13",
        edits=(
            Edit(
                "naming/ledger.py",
                "            pending.failed(StorageError(str(error)))  # one each: a traceback grows with every raise\n",
                "            pending.done()\n",
            ),
        ),
    ),
    Mutant(
        name="tombstone-not-in-exchanges",
        bug="In an exchange the tombstones that the other side lacks are not given.",
        test="naming/test_spread.py::test_partitions_heal",
        edits=(
            Edit(
                "naming/questions.py",
                "if (claim := known.registry.get(one)) is not None\n",
                "if (claim := known.registry.get(one)) is not None and not claim.kind\n",
            ),
        ),
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
        name="floor-not-kept",
        bug="Up to when claims were forgotten is not written to the store.",
        test="naming/test_registrar.py::test_old_claims_are_forgotten_hourly_but_not_by_a_clock_that_jumps",
        edits=(
            Edit(
                "naming/knowledge.py",
                "        if self.registry.floor != floor:\n            self._changes.append(records.put_floor(self.registry.floor))\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="pin-answered-before-commit",
        bug="A pin is acknowledged before it is in the store.",
        plan="boots",
        invariant="S13",
        edits=(
            Edit(
                "naming/registrar.py",
                "        self._ledger.commit_for(self.defer(), pin)",
                "        self.defer().set(pin)\n        self._ledger.commit()",
            ),
        ),
    ),
    Mutant(
        name="claim-announced-before-commit",
        bug="Peers are told of an own claim before it is in the store.",
        plan="disks",
        invariant="S5",
        edits=(
            Edit(
                "naming/registrar.py",
                "            self._announce(new, elsewhere, source)\n            reply.set(value)\n",
                "            reply.set(value)\n",
            ),
            Edit(
                "naming/registrar.py",
                "        new = [claim for claim in message.claims if self._known.publish(claim, now)]\n",
                "        new = [claim for claim in message.claims if self._known.publish(claim, now)]\n"
                "        self._announce(new, ())\n",
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
    Mutant(
        name="exchange-awaited-in-vain",
        bug="A node whose peer never opens the exchange that it is to open waits for ever.",
        test="naming/test_spread.py::test_a_peer_that_does_not_open_the_exchange_is_asked_after_a_while",
        edits=(Edit("naming/spread.py", "            link.behind |= not self._news.was_answered(peer)\n", ""),),
    ),
    Mutant(
        name="era-repeats-the-thief",
        bug="In a new era the machines are named that the last claim of the era before named, a thief's perhaps.",
        test="naming/test_names.py::test_a_new_era_claims_the_own_names_at_once_and_nothing_that_a_thief_said",
        edits=(
            Edit(
                "naming/keeping.py",
                "    if entry is not None and entry.claim.era < signer.keyset.era:\n        entry = None\n",
                "",
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
    Mutant(
        name="less-work-is-not-less",
        bug="Who wants less work for a name than before gets as much as was wanted first.",
        test="naming/test_solving.py::test_more_work_that_is_wanted_no_more_ends_within_a_slice",
        edits=(Edit("naming/keeper.py", "            self._solver.lower(self._name, message.level)\n", ""),),
    ),
)
