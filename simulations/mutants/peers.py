"""Bugs in how peers are found, dialled, kept and given up."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="both-ends-prefer-their-own-session",
        bug="Of two sessions each end prefers the one that it dialled, so each drains what the other one uses.",
        plan="twice",
        invariant="S18",
        edits=(Edit("peers/choice.py", "lower_is_here = us < them", "lower_is_here = us != them"),),
    ),
    Mutant(
        name="backoff-without-bound",
        bug="The pause between dials doubles for ever.",
        test="peers/test_backoff.py::test_every_delay_lies_in_the_upper_half_of_its_ceiling",
        edits=(
            Edit(
                "peers/backoff.py",
                "ceiling = min(self.most, self.first * 2.0**exponent)",
                "ceiling = self.first * 2.0**exponent",
            ),
        ),
    ),
    Mutant(
        name="lost-bootstrap-not-redialled",
        bug="A peer that is to be dialled for ever is given up when its session is lost.",
        test="peers/test_lifecycle.py::test_a_kept_peer_that_was_wanted_once_is_never_idle_again",
        edits=(
            Edit(
                "peers/lifecycle.py",
                "_I.LOST_KEPT: Step(_S.BACKING_OFF, (_E.ANNOUNCE_DOWN, _E.BACK_OFF)),",
                "_I.LOST_KEPT: Step(_S.IDLE, (_E.ANNOUNCE_DOWN,)),",
            ),
        ),
    ),
    Mutant(
        name="dead-peer-stays-up",
        bug="A peer whose last session ended is told to nobody.",
        plan="silence",
        invariant="L1",
        edits=(
            Edit(
                "peers/peer.py",
                "            self._feed(Input.LOST_KEPT if self._life.entry.kept else Input.LOST)\n",
                "            self._report()\n",
            ),
        ),
    ),
    Mutant(
        name="second-coming-not-announced",
        bug="A peer that comes back is announced to nobody, since it was announced before.",
        test="peers/test_news.py::test_up_and_down_alternate",
        edits=(
            Edit(
                "peers/news.py",
                "            self._told = False\n            self._tell(PeerDown(self._peer))",
                "            self._tell(PeerDown(self._peer))",
            ),
        ),
    ),
    Mutant(
        name="older-record-wins",
        bug="Of two records of where a peer listens the older one is kept and passed on.",
        plan="moves",
        invariant="L3",
        edits=(
            Edit(
                "peers/inquirer.py",
                "if newest or known is None or known.seq < record.seq:",
                "if known is None:",
            ),
        ),
    ),
    Mutant(
        name="sessions-of-one-peer-unbounded",
        bug="One peer may have as many sessions as it likes.",
        plan="intruders",
        invariant="S10",
        edits=(
            Edit(
                "peers/peer.py",
                " or len(self._sessions) >= limits.sessions_per_peer:",
                ":",
            ),
        ),
    ),
    Mutant(
        name="witness-forgets",
        bug="What a session says between its handshake and its adoption is lost.",
        test="peers/test_handshake.py::test_what_is_said_between_handshake_and_adoption_reaches_the_heir_in_order",
        edits=(Edit("peers/handshake.py", "            self._told.append(message)\n", "            del message\n"),),
    ),
    Mutant(
        name="retry-without-a-pause",
        bug="A dial that failed is tried again at once, for ever.",
        test="peers/test_backoff.py::test_every_delay_lies_in_the_upper_half_of_its_ceiling",
        edits=(
            Edit("peers/backoff.py", "return ceiling / 2 + ceiling / 2 * uniform", "return ceiling * uniform * 0.0"),
            Edit(
                "peers/dials.py",
                "await trio.sleep(max(0.0, self._ended_at + self._limits.dial_spacing - self._clock.monotonic()))",
                "await trio.lowlevel.checkpoint()",
            ),
        ),
    ),
    Mutant(
        name="waiters-forgotten-after-a-loss",
        bug="Whoever wants a stream while the last session ends is not served by the next one.",
        test="peers/test_visits.py::test_who_is_wanted_while_a_visit_to_it_is_being_ended_is_dialled",
        edits=(
            Edit("peers/peer.py", "            if self._life.waiting:\n                self._feed(Input.WANTED)\n", ""),
        ),
    ),
    Mutant(
        name="dial-failures-never-forgotten",
        bug="A session that stood for long does not end the growth of the pauses between dials.",
        test="peers/test_life.py::test_a_session_that_ends_at_once_counts_as_a_dial_that_failed",
        edits=(
            Edit(
                "peers/dials.py",
                "0 if stood >= self._limits.back_off_alone else self.failures + 1",
                "self.failures + 1",
            ),
        ),
    ),
    Mutant(
        name="dials-in-step",
        bug="The pauses between dials have no jitter, so all peers of one that was lost come back at once.",
        test="peers/test_backoff.py::test_delays_double_until_the_cap",
        edits=(Edit("peers/backoff.py", "return ceiling / 2 + ceiling / 2 * uniform", "return ceiling"),),
    ),
    Mutant(
        name="bootstrap-peers-forgotten-by-the-pool",
        bug="After its pool crashed, the manager does not start the kept peers again.",
        plan="actors",
        invariant="L1",
        edits=(
            Edit(
                "peers/manager.py",
                "            self.send_after(_FILL_RETRY, FillPool())\n            return\n",
                "            return\n",
            ),
        ),
    ),
    Mutant(
        name="session-of-another-peer-adopted",
        bug="The actor of one peer takes in a session with another one.",
        test="peers/test_peer.py::test_a_session_with_a_peer_of_the_same_short_id_is_not_taken_in",
        edits=(
            Edit(
                "peers/peer.py",
                "if established.peer != self._peer or len(self._sessions)",
                "if len(self._sessions)",
            ),
        ),
    ),
    Mutant(
        name="back-before-it-was-missed",
        bug="A peer that began anew before it was missed is told nothing, and holds its session for a visit.",
        test="peers/test_visits.py::test_who_began_anew_before_it_was_missed_is_no_visitor_to_whom_it_knew",
        edits=(
            Edit(
                "peers/peer.py",
                "            self._setting.inquirer.tell(PeerStands(self._peer))\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="dialled-where-it-was-although-it-moved",
        bug="A peer that says no longer that it listens where it was found last is dialled there first.",
        test="peers/test_book.py::test_who_says_no_longer_that_it_is_where_it_was_found_is_tried_first_where_it_says",
        edits=(Edit("peers/book.py", "        first = 0 if self.moved else 1\n", "        first = 1\n"),),
    ),
    Mutant(
        name="all-that-a-peer-says-is-dialled-first",
        bug="However many addresses a peer claims, they are all dialled before those at which it was found before.",
        test="peers/test_book.py::test_who_says_no_longer_that_it_is_where_it_was_found_is_tried_first_where_it_says",
        edits=(
            Edit(
                "peers/book.py",
                "chain.from_iterable(zip_longest(self.claimed, self.proven[first:]))",
                "chain(self.claimed, self.proven[first:])",
            ),
        ),
    ),
    Mutant(
        name="each-session-introduces-itself-anew",
        bug="A peer that connects anew may introduce itself as often again.",
        test="peers/test_session.py::test_to_connect_anew_gives_no_more_introductions",
        edits=(
            Edit(
                "peers/session.py",
                "self._introductions = setting.introductions\n",
                "self._introductions = type(setting.introductions)(\n"
                "            per_second=limits.introductions / limits.introductions_period,\n"
                "            burst=limits.introductions,\n"
                "            sources=1,\n"
                "        )\n",
            ),
        ),
    ),
    Mutant(
        name="disconnected-until-the-restart",
        bug="A peer from which a person disconnected is dialled for ever again by the next run.",
        test="peers/test_disconnecting.py::test_who_is_disconnected_is_dialled_no_more_also_after_a_restart",
        edits=(
            Edit(
                "peers/manager.py",
                "            await self._store.commit(self._changes(changed))\n        except (StorageError, ActorError) as error:\n"
                "            self._changed(",
                "            pass\n        except (StorageError, ActorError) as error:\n            self._changed(",
            ),
        ),
    ),
    Mutant(
        name="session-of-a-cancelled-dial-adopted",
        bug="A person disconnects while a dial succeeds, and the peer is connected all the same.",
        test="peers/test_disconnecting.py::test_a_session_whose_dial_was_cancelled_is_not_taken_in",
        edits=(
            Edit(
                "peers/peer.py",
                "if message.dial is not None and not self._life.dials.counts(message.dial):",
                "if False:",
            ),
        ),
    ),
)
