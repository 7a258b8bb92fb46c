"""Bugs in actors: mailboxes without bounds, askers that wait for ever, notices and workers that are lost or doubled."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="exit-told-twice",
        bug="Whoever monitors an actor is told twice of one exit.",
        test="runtime/test_exits.py::test_a_monitor_hears_of_each_exit_and_at_once_of_the_dead",
        edits=(
            Edit(
                "runtime/cell.py",
                "                watcher.inbox.put_system(down)\n",
                "                watcher.inbox.put_system(down)\n                watcher.inbox.put_system(down)\n",
            ),
        ),
    ),
    Mutant(
        name="deferred-ask-never-fails",
        bug="An ask whose answer was deferred is not failed when the callee dies.",
        test="runtime/test_incarnation.py::test_a_deferred_reply_fails_when_the_actor_dies",
        edits=(
            Edit(
                "runtime/incarnation.py",
                "            reply.fail(failure if reason.kind is ExitKind.CRASHED else"
                ' ActorDead(f"{path} ended ({reason})."))\n',
                "            del failure\n",
            ),
        ),
    ),
    Mutant(
        name="mailbox-without-bound",
        bug="A full mailbox takes one more.",
        test="runtime/test_cell.py::test_a_bounded_mailbox_stays_within_its_bound_and_disposes_of_what_it_drops",
        edits=(Edit("runtime/cell.py", "if len(inbox.user) >= inbox.limit:", "if len(inbox.user) < 0:"),),
    ),
    Mutant(
        name="worker-failure-swallowed",
        bug="A worker that fails does not crash its actor.",
        test="runtime/test_children.py::test_backoff_delays_restarts_and_grows",
        edits=(
            Edit(
                "runtime/workers.py",
                "        except Exception as error:  # noqa: BLE001 (a worker's failure is its actor's crash)\n"
                "            self._actor.crash_now(error)\n",
                "        except Exception as error:  # noqa: BLE001 (a worker's failure is its actor's crash)\n"
                "            del error\n",
            ),
        ),
    ),
    Mutant(
        name="child-outlives-its-parent",
        bug="An actor that ends leaves its children running until they end by themselves.",
        test="runtime/test_children.py::test_an_actor_has_ended_when_its_children_have",
        edits=(
            Edit(
                "runtime/incarnation.py",
                "await self._actor_brood.stop_all(brutal=reason.kind is ExitKind.KILLED)",
                "await trio.lowlevel.checkpoint()",
            ),
        ),
    ),
    Mutant(
        name="workers-outlive-their-actor",
        bug="An actor that ends leaves its workers running.",
        test="runtime/test_workers.py::test_no_worker_goes_on_when_its_actor_has_ended",
        edits=(
            Edit(
                "runtime/incarnation.py",
                "                    await self._actor_workers.dismiss()\n",
                "                    await trio.lowlevel.checkpoint()\n",
            ),
        ),
    ),
    Mutant(
        name="tell-to-the-waiting-is-kept",
        bug="An actor between two incarnations takes messages that the next one never sees, and their askers wait.",
        test="runtime/test_ref.py::test_a_dead_ref_swallows_tells_as_dead_letters_and_raises_for_asks",
        edits=(
            Edit(
                "runtime/cell.py",
                "        if state is not _RUNNING and state is not _STARTING:\n            return False\n",
                "        if state is State.DEAD:\n            return False\n",
            ),
        ),
    ),
    Mutant(
        name="future-wakes-one",
        bug="Of several tasks that wait for one reply only the first is woken.",
        test="runtime/test_future.py::test_all_who_wait_get_the_reply",
        edits=(
            Edit(
                "runtime/future.py",
                "            for task in self._others:\n                reschedule(task)\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="ask-without-timeout",
        bug="An ask waits for its reply for ever, whatever its timeout.",
        test="runtime/test_actor.py::test_a_reply_that_comes_too_late_is_disposed_of",
        edits=(
            Edit(
                "runtime/future.py",
                "return self._wait() if self.timeout is None else self._wait_in_time(self.timeout)",
                "return self._wait()",
            ),
        ),
    ),
    Mutant(
        name="urgent-messages-shrink-the-mailbox",
        bug="Each urgent message that is taken leaves the mailbox smaller by one.",
        test="runtime/test_mailbox.py::test_what_waits_for_room_is_woken_by_an_urgent_message_that_is_taken",
        edits=(
            Edit(
                "runtime/mailbox.py",
                "            envelope = self.urgent.popleft()\n            self.limit += 1\n        else",
                "            envelope = self.urgent.popleft()\n        else",
            ),
        ),
    ),
    Mutant(
        name="mailbox-survives-a-crash",
        bug="What waited for an actor that crashed is neither refused nor handled: its askers wait.",
        plan="actors",
        invariant="L5",
        edits=(
            Edit(
                "runtime/cell.py",
                '        for envelope in self.inbox.drain():\n            self.undeliverable(envelope, "it ended before it handled the message")\n',
                "        self.inbox.drain()\n",
            ),
        ),
    ),
)
