"""Bugs in the data plane: splices that mix, drop or end wrongly, lost wake-ups, peers never given up."""

from simulations.mutants.mutant import Edit, Mutant

ANY_ORDER = "flow/test_invariants.py::test_in_whatever_order_what_comes_out_is_what_went_in"
PACED = "flow/test_pacing.py::test_all_that_rest_are_resumed_in_their_order_whatever_they_do_then"

MUTANTS = (
    Mutant(
        name="splice-keeps-borrowed-bytes",
        bug="What a slow sink did not take stays in the shared read buffer, where the next read overwrites it.",
        plan="bulk",
        invariant="S9",
        edits=(
            Edit(
                "flow/splice.py",
                "self.residue = memoryview(bytes(buffer[sent:size]))",
                "self.residue = buffer[sent:size]",
            ),
        ),
    ),
    Mutant(
        name="splice-drops-what-is-not-taken",
        bug="The short cut from a session's stream to a socket says that it took all bytes when it took some.",
        plan="bulk",
        invariant="S9",
        edits=(
            Edit(
                "flow/splice.py",
                "            self.wants_read, self.wants_write = False, True\n"
                "            self._splice.rearm()\n"
                "        return sent",
                "            self.wants_read, self.wants_write = False, True\n"
                "            self._splice.rearm()\n"
                "        return len(data)",
            ),
        ),
    ),
    Mutant(
        name="half-close-ends-both-ways",
        bug="The end of one direction of a splice ends the other one, too.",
        plan="bulk",
        invariant="S9",
        edits=(
            Edit(
                "flow/splice.py",
                "if self._forth.finished and self._back.finished:",
                "if self._forth.finished or self._back.finished:",
            ),
        ),
    ),
    Mutant(
        name="half-close-not-passed-on",
        bug="The clean end of one side of a splice is not told to the other one.",
        plan="bulk",
        invariant="S9",
        edits=(Edit("flow/splice.py", "            self.sink.shutdown()\n", "            self.sink.room()\n"),),
    ),
    Mutant(
        name="cut-looks-like-an-end",
        bug="A splice that breaks ends cleanly at the other side, which takes a part for the whole.",
        plan="cuts",
        invariant="S9",
        edits=(
            Edit(
                "flow/splice.py",
                "            if error is None:\n                link.close()",
                "            if error is None or link.is_open:\n                link.close()",
            ),
        ),
    ),
    Mutant(
        name="splice-dies-with-its-owner",
        bug="A restart of the actor that made a splice breaks the connection.",
        plan="cuts",
        invariant="S9",
        edits=(Edit("flow/pump.py", "if not owned.outlives_owner:", "if owned.is_open:"),),
    ),
    Mutant(
        name="small-pieces-swapped",
        bug="A small piece that arrives behind another one that waits is put before it.",
        plan="bulk",
        invariant="S9",
        edits=(
            Edit(
                "flow/link.py",
                'memoryview(b"".join((parts[-1], data)))',
                'memoryview(b"".join((data, parts[-1])))',
            ),
        ),
    ),
    Mutant(
        name="flush-does-not-wake-the-pump",
        bug="A link that asks for a flush while the pump waits is flushed when something else happens.",
        test="flow/test_session.py::test_up_streams_and_down",
        edits=(
            Edit(
                "flow/pump.py",
                "        self._flushes.append(link)\n        self.wake()",
                "        self._flushes.append(link)",
            ),
        ),
    ),
    Mutant(
        name="silent-peer-stays-up",
        bug="A session whose peer is silent for ever is never given up.",
        plan="silence",
        invariant="S18",
        edits=(
            Edit(
                "flow/keep_alive.py",
                "if now >= self.heard_at + limits.silence_seconds:",
                "if now >= self.heard_at + 1e9:",
            ),
            Edit(
                "flow/keep_alive.py",
                "self._look_at(min(self.heard_at + limits.silence_seconds, now + limits.ping_seconds))",
                "self._look_at(now + limits.ping_seconds)",
            ),
        ),
    ),
    Mutant(
        name="streams-outlive-their-session",
        bug="When a session ends, its streams are not told, and whoever reads them waits for ever.",
        plan="cuts",
        invariant="S9",
        edits=(
            Edit(
                "flow/session_link.py",
                "        for stream in list(self.streams.values()):\n            stream.on_gone(lost)\n",
                "        self.streams.clear()\n        del lost\n",
            ),
        ),
    ),
    Mutant(
        name="partial-flush-loses-the-rest",
        bug="Sealed bytes that the network did not take at once are dropped.",
        plan="bulk",
        invariant="S9",
        edits=(
            Edit(
                "flow/session_link.py",
                "                out = out[sent:]\n",
                '                out = out[sent:] if sent == 0 else memoryview(b"")\n',
            ),
        ),
    ),
    Mutant(
        name="taken-bytes-not-granted",
        bug="The window is not given back for bytes that were held before they were taken.",
        plan="bulk",
        invariant="S9",
        edits=(
            Edit(
                "flow/stream_link.py",
                "    def _took(self, size: int) -> None:\n        self._carrier.session.consumed(self.id, size)\n",
                "    def _took(self, size: int) -> None:\n        del size\n",
            ),
        ),
    ),
    Mutant(
        name="held-bytes-leak",
        bug="The books count the bytes of streams that are gone for ever.",
        test="flow/test_stream_link.py::test_what_a_stream_held_is_off_the_books_when_it_is_gone",
        edits=(
            Edit(
                "flow/stream_link.py",
                "        self._drop_received()\n        self._carrier.budget.hold(self, 0)\n",
                "        self._drop_received()\n",
            ),
        ),
    ),
    Mutant(
        name="pump-calls-in-reverse",
        bug="Of several queued calls the pump runs the last one first.",
        test="flow/test_pump.py::test_queued_calls_run_in_their_order_and_one_that_queues_itself_again_comes_after_them",
        edits=(
            Edit(
                "flow/pump.py",
                "            callback, blame = soon.popleft()\n",
                "            callback, blame = soon.pop()\n",
            ),
        ),
    ),
    Mutant(
        name="end-of-one-half-ends-the-other",
        bug="A stream whose peer sends no more says at once that this side sends no more either.",
        plan="spread",
        invariant="S9",
        edits=(
            Edit(
                "flow/stream_link.py",
                "        self._receive_end()\n",
                "        self._receive_end()\n        if self.is_open:\n            self.shutdown()\n",
            ),
        ),
    ),
    Mutant(
        name="dead-session-ends-streams-cleanly",
        bug="When a session dies, whoever reads one of its streams takes what has come for the whole.",
        test=ANY_ORDER,
        edits=(
            Edit(
                "flow/stream_link.py",
                "        if self._end(error):\n            self._release()\n            self._tell_ended()\n\n    def _took",
                "        self._receive_end()\n        self._carrier.forget(self)\n\n    def _took",
            ),
        ),
    ),
    Mutant(
        name="withdrawn-tunnel-ends-cleanly",
        bug="Who cuts the splices of a tag ends them cleanly, so that a part is taken for the whole.",
        test="flow/test_splice.py::test_abort_by_tag_cuts_both_ends[virtual]",
        edits=(
            Edit(
                "flow/splice.py",
                'self._end(error or ConnectionLost("The connection was cut here."))',
                "self._end(error)",
            ),
        ),
    ),
    Mutant(
        name="held-bytes-are-overtaken",
        bug="Bytes that arrive go to the sink at once, though others wait before them.",
        test=ANY_ORDER,
        edits=(
            Edit(
                "flow/link.py",
                "if self.sink is not None and not self._received_parts:",
                "if self.sink is not None:",
            ),
        ),
    ),
    Mutant(
        name="moved-byte-comes-again",
        bug="The last byte that a splice took out of a stream stays there, and is moved once more.",
        test=ANY_ORDER,
        edits=(
            Edit("flow/splice.py", "            source.take(sent)\n", "            source.take(max(1, sent - 1))\n"),
        ),
    ),
    Mutant(
        name="account-loses-what-ended",
        bug="What came back through a splice is not in its tag's account once it has ended.",
        test=ANY_ORDER,
        edits=(Edit("flow/splices.py", "                account.back += back\n", ""),),
    ),
    Mutant(
        name="residue-not-moved-at-the-beginning",
        bug="A splice that begins with bytes for which there was no room waits until its source says something.",
        test="flow/test_dial_joining.py::test_a_greeting_that_finds_no_room_waits_for_room_and_not_for_the_target[virtual]",
        edits=(
            Edit(
                "flow/splice.py",
                "if self.residue or (source is not None and (source.buffered() or source.at_end)):",
                "if source is not None and (source.buffered() or source.at_end):",
            ),
        ),
    ),
    Mutant(
        name="resting-bulk-queued-twice",
        bug="Bulk that rests already comes to rest once more with each piece that arrives.",
        test="flow/test_pacing.py::test_what_rests_is_queued_once_however_often_more_is_offered",
        edits=(Edit("flow/splice.py", "        if self.rests:\n            return 0\n", ""),),
    ),
    Mutant(
        name="pacer-timer-not-set",
        bug="Nobody wakes bulk that rests.",
        test=PACED,
        edits=(
            Edit(
                "flow/pacing.py",
                "            self._pump.call_later(self._pump.limits.pace_seconds, self._wake)\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="resting-bulk-woken-once",
        bug="Bulk that had no share when others were woken rests for ever.",
        test=PACED,
        edits=(Edit("flow/pacing.py", "        if resting:\n            self._wake_later()\n", ""),),
    ),
    Mutant(
        name="held-bulk-not-resumed",
        bug="Bulk that is held when nobody asks any more is forgotten.",
        test=PACED,
        edits=(
            Edit(
                "flow/pacing.py",
                "                pump.call_soon(whom.resume, whom.source)\n",
                "                del whom\n",
            ),
        ),
    ),
)
