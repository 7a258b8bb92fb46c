"""Bugs at both ends of a tunnel: who may come in, where it leads, and what is left behind."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="access-rule-ignored",
        bug="A tunnel that is open to some peers lets everybody in.",
        plan="doors",
        invariant="S20",
        edits=(
            Edit(
                "tunnels/offered.py",
                "if peer is not None and not spec.access.permits(peer):",
                "if peer is not None and spec.access is None:",
            ),
        ),
    ),
    Mutant(
        name="access-rule-ignored-in-the-pump",
        bug="A peer that may not come in is served by its second stream, which the pump takes.",
        test="tunnels/test_reception.py::test_who_may_not_come_in_is_refused_with_each_stream",
        edits=(
            Edit(
                "tunnels/offered.py",
                "if self._refusal_of(peer) is not None or not self._serving.take(peer):",
                "if self._refusal_of(None) is not None or not self._serving.take(peer):",
            ),
        ),
    ),
    Mutant(
        name="target-not-checked-in-the-pump",
        bug="A target that becomes the daemon's own listener is reached by streams that the pump takes.",
        test="tunnels/test_reception.py::test_a_target_that_becomes_forbidden_between_two_streams_is_not_reached",
        edits=(
            Edit(
                "tunnels/offered.py",
                "if self._refusal_of(peer) is not None or not self._serving.take(peer):",
                "if not self._spec.access.permits(peer) or not self._serving.take(peer):",
            ),
        ),
    ),
    Mutant(
        name="request-gets-another-service",
        bug="A request for a name that is not offered here gets whatever is offered on that port.",
        plan="doors",
        invariant="S20",
        edits=(
            Edit(
                "tunnels/offers.py",
                "return next(iter(serving)) if name is None and len(serving) == 1 else None",
                "return next(iter(serving)) if serving else None",
            ),
        ),
    ),
    Mutant(
        name="withdrawn-tunnel-comes-back",
        bug="A tunnel that was withdrawn stays in the store, and the next run offers it again.",
        plan="doors",
        invariant="S20",
        edits=(
            Edit(
                "tunnels/catalogue.py",
                "        await self._store.commit([Change(TUNNELS_TABLE, spec.key.encode(), None)])\n"
                "        self._offers.remove(spec.key)",
                "        self._offers.remove(spec.key)",
            ),
        ),
    ),
    Mutant(
        name="withdrawn-tunnel-not-cut",
        bug="Connections through a tunnel that was withdrawn go on.",
        plan="cuts",
        invariant="S20",
        edits=(
            Edit(
                "tunnels/members.py",
                "            self._flow.splices.abort(self.path(key))",
                "            self._flow.splices.find(self.path(key))",
            ),
        ),
    ),
    Mutant(
        name="exposed-but-not-stored",
        bug="A tunnel is acknowledged before it is in the store.",
        plan="doors",
        invariant="S13",
        edits=(
            Edit(
                "tunnels/catalogue.py",
                "        self._offers.add(spec)\n        try:\n            await self._save(spec)\n",
                "        self._offers.add(spec)\n        try:\n",
            ),
        ),
    ),
    Mutant(
        name="place-not-given-back",
        bug="A connection that is spliced keeps its place among those that are being opened.",
        plan="bulk",
        invariant="L5",
        edits=(
            Edit(
                "tunnels/offered.py",
                "        self._live.give(tags)  # what is spliced is counted there\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="place-of-a-bug-not-given-back",
        bug="A bug between taking a place and the dial keeps the place for as long as the daemon runs.",
        test="tunnels/test_reception.py::test_a_bug_in_a_tunnel_crashes_its_actor_and_no_session",
        edits=(
            Edit(
                "tunnels/offered.py",
                "            self._live.give(tags)  # which outlives the actor that this crashes\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="request-without-room-keeps-its-place",
        bug="A stream that the pump leaves to the acceptor, since there are too many, counts as served for ever.",
        test="tunnels/test_reception.py::test_streams_for_which_there_is_no_place_leave_none_behind_that_is_taken",
        edits=(
            Edit(
                "tunnels/offered.py",
                "            self._serving.give(peer)\n            return False\n",
                "            return False\n",
            ),
        ),
    ),
    Mutant(
        name="place-of-a-forward-not-given-back",
        bug="What a forward was unable to ask for in the pump keeps its place among those that are being opened.",
        test="tunnels/test_joined_forward.py::test_a_bug_while_a_forward_opens_gives_its_place_back_and_crashes_it_alone",
        edits=(
            Edit(
                "tunnels/opening.py",
                "            if not began:\n                self._live.give()\n",
                "            del local\n",
            ),
        ),
    ),
    Mutant(
        name="first-bytes-lost",
        bug="What a service says at once, right behind the answer to the request, is lost.",
        test="flow/test_joining.py::test_each_byte_arrives_in_its_place",
        edits=(
            Edit(
                "flow/joining.py",
                "        if used < len(data) and sink is not None:\n            used += sink(data[used:])\n        return used\n",
                "        return len(data)\n",
            ),
        ),
    ),
    Mutant(
        name="stream-of-a-failed-opening-leaks",
        bug="A stream whose tunnel was refused is left open.",
        test="tunnels/test_acceptor.py::test_a_place_is_given_back_however_a_request_ends[asks_for_what_is_not_there]",
        edits=(
            Edit(
                "tunnels/opening.py",
                '                raise refusal(answer, f"{shown}, port {request.port}")  # noqa: TRY301  # reset like the rest\n'
                "        except BaseException:\n            stream.abort()\n            raise\n",
                '                raise refusal(answer, f"{shown}, port {request.port}")  # noqa: TRY301  # reset like the rest\n'
                "        except OSError:\n            stream.abort()\n            raise\n",
            ),
        ),
    ),
    Mutant(
        name="target-down-is-busy",
        bug="A tunnel whose service does not listen answers as if it were busy.",
        test="tunnels/test_offered.py::test_nothing_listens_behind_the_tunnel",
        edits=(
            Edit(
                "tunnels/offered.py",
                "            answer = Answer(status=Status.TARGET_DOWN)\n",
                "            answer = _BUSY\n",
            ),
        ),
    ),
    Mutant(
        name="access-lost-over-a-restart",
        bug="A tunnel that is read back from the store is open to everybody.",
        plan="doors",
        invariant="S20",
        edits=(
            Edit(
                "tunnels/records.py",
                '    if record.has("allow"):\n',
                '    if record.has("allow") and record.has("deny"):\n',
            ),
        ),
    ),
    Mutant(
        name="first-tunnel-of-a-port-answers",
        bug="A request without a name gets the first of several tunnels on that port, instead of none.",
        plan="doors",
        invariant="S20",
        edits=(
            Edit(
                "tunnels/offers.py",
                "return next(iter(serving)) if name is None and len(serving) == 1 else None",
                "return next(iter(serving)) if name is None and serving else None",
            ),
        ),
    ),
)
