"""Bugs in visits, in the DHT, and in what is kept there."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="visits-are-news",
        bug="Whoever is only asked something is announced, so everybody begins to talk with it.",
        test="peers/test_visits.py::test_a_visit_leaves_nothing_behind_at_either_end",
        edits=(
            Edit(
                "peers/acquaintance.py",
                "        if self.made:\n            self._news.up(at_once=chosen)",
                "        self._news.up(at_once=chosen)",
            ),
        ),
    ),
    Mutant(
        name="victims-are-flooded",
        bug="Strangers of one network are dialled as often as somebody names them.",
        test="peers/test_visits.py::test_nobody_makes_this_node_flood_a_victim",
        edits=(Edit("peers/visits.py", "if not self._targets.spend(network, now):", "if not network:"),),
    ),
    Mutant(
        name="contacts-by-hearsay",
        bug="A peer that came by itself enters the table at the address that it claims, where nobody knocked.",
        test="peers/kad/test_dht.py::test_a_node_that_cannot_be_reached_is_in_no_table",
        edits=(
            Edit(
                "peers/kad/dht.py",
                "where = await self._questions.knock(peer, answer.where, self.ref)",
                "where = next(iter(answer.where), None)",
            ),
        ),
    ),
    Mutant(
        name="cut-off-forgets-all",
        bug="Who is cut off takes everybody for gone, and forgets them.",
        test="peers/kad/test_dht.py::test_who_is_cut_off_forgets_nobody",
        edits=(
            Edit(
                "peers/kad/dht.py",
                "if self._clock.monotonic() - self._heard < self._limits.cut_off and not elsewhere:",
                "if not elsewhere:",
            ),
        ),
    ),
    Mutant(
        name="another-s-record-for-its-own",
        bug="A node may give another one's record for its own, and so is known at the other one's address.",
        test="peers/kad/test_liars.py::test_nobody_passes_for_another_at_the_address_at_which_it_was_dialled",
        edits=(Edit("peers/kad/questions.py", "if own.peer != line.peer:", "if not own.peer:"),),
    ),
    Mutant(
        name="sent-where-nobody-was",
        bug="Others are told the first address that a contact claims, not the one at which it was reached.",
        test="peers/kad/test_liars.py::test_nobody_is_sent_where_this_node_has_not_been",
        edits=(
            Edit("peers/kad/node.py", "        return next(places, None)", "        return min(places, default=0) * 0"),
        ),
    ),
    Mutant(
        name="nobody-answers-for-whom-it-names",
        bug="Who names black holes is asked for all of them, one after the other.",
        test="peers/kad/test_search_liars.py::test_who_names_black_holes_is_soon_asked_for_no_more_of_them",
        edits=(
            Edit(
                "peers/kad/search.py",
                "            self._vain.update(dict.fromkeys(self._namers[node.id], change))",
                "            self._vain.update(dict.fromkeys(self._namers[node.id], min(change, 0)))",
            ),
        ),
    ),
    Mutant(
        name="blamed-for-another-s-bounds",
        bug="Whom this node may not ask now is held against those who named it.",
        test="peers/kad/test_dht.py::test_who_names_nodes_that_may_not_be_visited_now_is_not_blamed_for_it",
        edits=(
            Edit(
                "peers/kad/walking.py",
                "outcome = partial(Search.unasked, asked=node)",
                "outcome = partial(Search.failed, asked=node)",
            ),
        ),
    ),
    Mutant(
        name="keys-make-a-network-many",
        bug="Each key of one address may ask as often as if it were alone there.",
        test="peers/kad/test_answers.py::test_many_keys_of_one_network_get_the_share_of_one",
        edits=(
            Edit(
                "peers/kad/answers.py",
                "return not isinstance(remote, TcpAddress) or self._of_networks.spend(network_of(remote), now)",
                "return True",
            ),
        ),
    ),
    Mutant(
        name="bad-work-is-free-to-store",
        bug="Whoever gives claims with bad work to be kept owes nothing for it.",
        test="naming/test_custody.py::test_claims_with_bad_work_are_told_and_checked_once",
        edits=(
            Edit(
                "naming/custody.py", "near=near) for claim in claims), taken.bad)", "near=near) for claim in claims))"
            ),
        ),
    ),
    Mutant(
        name="custodian-says-nothing",
        bug="Whoever asks a node of the DHT for a name is told nobody's claims.",
        plan="spread",
        invariant="L4",
        edits=(
            Edit(
                "naming/registry.py",
                "if claim.kind is not Kind.REVOCATION and name_key(claim.network, claim.name) == key:",
                "if claim.kind is Kind.REVOCATION:",
            ),
        ),
    ),
    Mutant(
        name="kept-under-any-key",
        bug="A claim is kept wherever somebody stores it, so that anybody fills the nodes of his choice.",
        test="naming/test_custody.py::test_what_is_no_claim_for_the_key_is_refused",
        edits=(
            Edit(
                "naming/custody.py",
                "return claim if key in {name_key(self._network, claim.name), self._hold_key(claim)} else None",
                "return claim",
            ),
        ),
    ),
    Mutant(
        name="nearest-gives-way",
        bug="Of the claims that are kept beyond the bound the nearest gives way, not the farthest.",
        test="naming/test_lodgers.py::test_the_nearest_are_kept_in_whatever_order_they_come",
        edits=(Edit("naming/lodgers.py", "farthest = max(self._distances,", "farthest = min(self._distances,"),),
    ),
    Mutant(
        name="deposit-crowded-out",
        bug="What was deposited under the key of its own goes when others claim the name with more work.",
        test="naming/test_custody.py::test_a_holder_who_is_crowded_out_of_a_name_is_found_by_the_full_form",
        edits=(Edit("naming/admission.py", "key in self.asked or key in self._deposits or", "key in self.asked or"),),
    ),
    Mutant(
        name="full-form-sought-under-the-name",
        bug="`name.<owner>` is searched for in the DHT where the name stands, from which a crowd drives its holder.",
        test="naming/test_custody.py::test_a_holder_who_is_crowded_out_of_a_name_is_found_by_the_full_form",
        edits=(
            Edit(
                "naming/custody.py",
                "key = name_key(self._network, name) if whose is None else hold_key(self._network, name, whose)",
                "key = name_key(self._network, name)",
            ),
        ),
    ),
    Mutant(
        name="given-out-once-only",
        bug="What was given to the nodes near a name is not given out again, until nobody keeps it.",
        test="naming/test_custody.py::test_own_claims_are_given_out_again_each_few_hours_and_not_after_a_restart",
        edits=(
            Edit(
                "naming/custody.py",
                "                self._due[name] = self._next(now)\n",
                "                self._due.pop(name)\n",
            ),
        ),
    ),
    Mutant(
        name="head-of-a-bucket-asked-alone",
        bug="For a newcomer the head of a full bucket is asked until it answers, and hides who is gone behind it.",
        test="peers/kad/test_contacts.py::test_one_that_refuses_or_answers_by_itself_shields_no_dead_contact",
        edits=(
            Edit(
                "peers/kad/contacts.py",
                "name = min(bucket.nodes, key=bucket.turn)",
                "name = next(iter(bucket.nodes))",
            ),
        ),
    ),
    Mutant(
        name="one-stores-for-all-of-its-network",
        bug="One peer uses up what all of its network may store, and owes for all of it.",
        test="peers/kad/test_answers.py::test_one_behind_a_nat_who_gives_bad_work_leaves_its_neighbours_a_share",
        edits=(
            Edit(
                "peers/kad/answers.py",
                "limits.stores_per_second, limits.network_stores_per_second",
                "limits.stores_per_second, limits.stores_per_second",
            ),
        ),
    ),
)
