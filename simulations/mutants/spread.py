"""Bugs in how claims go from peer to peer: what is pushed, named, asked for and exchanged."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
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
        name="exchange-awaited-in-vain",
        bug="A node whose peer never opens the exchange that it is to open waits for ever.",
        test="naming/test_spread.py::test_a_peer_that_does_not_open_the_exchange_is_asked_after_a_while",
        edits=(Edit("naming/spread.py", "            link.behind |= not self._news.was_answered(peer)\n", ""),),
    ),
    Mutant(
        name="priced-when-it-came",
        bug="What a message of claims costs is found out before it waits for its turn.",
        test="naming/test_spread_prices.py::test_what_many_bring_at_once_is_paid_for_as_new_once",
        edits=(
            Edit(
                "naming/commons.py",
                "while (left := await price() - paid) > 0:",
                "while (left := count - paid) > 0:",
            ),
        ),
    ),
    Mutant(
        name="messages-wait-with-questions",
        bug="A question waits for a turn of each peer who brings claims, or wants them.",
        test="naming/test_spread_prices.py::test_beside_many_who_bring_much_a_question_waits_for_a_little_of_each",
        edits=(
            Edit("naming/commons.py", "async with self._lines.setdefault(line, Turn()):", "async with self._small:"),
        ),
    ),
)
