"""Bugs in supervisors: children that are lost or left behind, restarts too many, too few, or in the wrong order."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="supervisor-loses-a-child",
        bug="A supervisor is not told when a child crashes for the second time.",
        plan="actors",
        invariant="S11",
        edits=(
            Edit(
                "runtime/children.py",
                "        if not entry.stopping:\n            self._cell.inbox.put_system(ChildExited(",
                "        if not entry.stopping and cell.incarnation != 2:\n"
                "            self._cell.inbox.put_system(ChildExited(",
            ),
        ),
    ),
    Mutant(
        name="intensity-ignored",
        bug="A supervisor restarts a child for ever, however often it crashes.",
        plan="loop",
        invariant="S11",
        edits=(
            Edit(
                "runtime/restarts.py", "return len(self._times) <= self._intensity.restarts", "return bool(self._times)"
            ),
        ),
    ),
    Mutant(
        name="stopped-in-the-wrong-order",
        bug="A supervisor stops its children in the order of their start, so that they lose what they rest on.",
        plan="spread",
        invariant="S11",
        edits=(
            Edit(
                "runtime/children.py",
                "for cell, entry in reversed(list(self._entries.items())):",
                "for cell, entry in list(self._entries.items()):",
            ),
        ),
    ),
    Mutant(
        name="rest-for-one-is-one-for-one",
        bug="When a child crashes, those that were started after it and rest on it are left alone.",
        plan="actors",
        invariant="S11",
        edits=(
            Edit(
                "runtime/restarts.py",
                "return list(children[children.index(failed) :])",
                "return list(children[children.index(failed) : children.index(failed) + 1])",
            ),
        ),
    ),
    Mutant(
        name="crash-counts-as-an-end",
        bug="A child that crashed counts as one that ended in order: transient ones stay away, and nothing is counted.",
        plan="actors",
        invariant="S11",
        edits=(
            Edit(
                "runtime/exits.py",
                "return self.kind in {ExitKind.CRASHED, ExitKind.KILLED}",
                "return self.kind is ExitKind.KILLED",
            ),
        ),
    ),
    Mutant(
        name="one-restart-too-many",
        bug="A supervisor allows one restart more than its intensity.",
        plan="loop",
        invariant="S11",
        edits=(
            Edit("runtime/restarts.py", "deque(maxlen=intensity.restarts + 1)", "deque(maxlen=intensity.restarts + 2)"),
            Edit(
                "runtime/restarts.py",
                "return len(self._times) <= self._intensity.restarts",
                "return len(self._times) <= self._intensity.restarts + 1",
            ),
        ),
    ),
    Mutant(
        name="intensity-forgotten-after-a-restart",
        bug="A supervisor counts only the crashes since it last restarted a child.",
        plan="loop",
        invariant="S11",
        edits=(
            Edit(
                "runtime/children.py",
                "        self._turn += 1\n        for other in affected:\n",
                "        self._window = None\n        entry.window = None\n        self._turn += 1\n        for other in affected:\n",
            ),
        ),
    ),
    Mutant(
        name="members-share-one-intensity",
        bug="A pool counts the crashes of all members together, so that many that crash once end it.",
        plan="actors",
        invariant="S11",
        edits=(
            Edit(
                "runtime/children.py",
                "        if self._parent.count_per_child:\n",
                "        if self._parent.count_per_child is None:\n",
            ),
        ),
    ),
    Mutant(
        name="escalates-past-the-parent",
        bug="When there were too many restarts, the supervisor's own supervisor crashes in its place.",
        plan="loop",
        invariant="S11",
        edits=(
            Edit(
                "runtime/children.py",
                "            error.__cause__ = reason.error\n            return crashed(error)\n        strategy",
                "            error.__cause__ = reason.error\n"
                '            above = self._cell.system._cells.get(self._cell.path.rpartition("/")[0])\n'
                "            if above is not None and above.actor is not None:\n"
                "                above.actor.crash_now(error)\n"
                "                return None\n"
                "            return crashed(error)\n"
                "        strategy",
            ),
        ),
    ),
    Mutant(
        name="too-many-restarts-are-swallowed",
        bug="When there were too many restarts, the child is given up and its supervisor goes on.",
        plan="loop",
        invariant="S11",
        edits=(
            Edit(
                "runtime/children.py",
                "            error.__cause__ = reason.error\n            return crashed(error)\n        strategy",
                "            error.__cause__ = reason.error\n            return None\n        strategy",
            ),
        ),
    ),
    Mutant(
        name="child-that-fails-to-start-is-dropped",
        bug="A child whose restart fails is taken off the books and never tried again.",
        plan="disks",
        invariant="S11",
        edits=(
            Edit(
                "runtime/children.py",
                "                entry.keeps_waiting = RestartNow(message.cells[position + 1 :], message.turn)\n",
                "                self._forget(cell, entry)\n",
            ),
        ),
    ),
    Mutant(
        name="built-on-what-failed-to-start",
        bug="When a child can't be started again, those that rest on it are started all the same.",
        test="runtime/test_decisions.py::test_what_rests_on_a_child_whose_restart_fails_is_started_after_it",
        edits=(
            Edit(
                "runtime/children.py",
                "message.turn)\n                return\n            entry.keeps_waiting = None",
                "message.turn)\n                continue\n            entry.keeps_waiting = None",
            ),
        ),
    ),
    Mutant(
        name="waits-for-one-that-was-given-up",
        bug="Those that rest on a child that failed to start are never started when that is given up.",
        test="runtime/test_decisions.py::test_what_rests_on_a_child_that_is_given_up_goes_on_without_it",
        edits=(
            Edit(
                "runtime/children.py",
                "        if entry.keeps_waiting is not None:\n            await self.restart_now(entry.keeps_waiting)\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="rest-for-one-starts-in-reverse",
        bug="Children that are restarted together are started in the reverse of their order.",
        plan="actors",
        invariant="S11",
        edits=(
            Edit(
                "runtime/children.py",
                "message = RestartNow(tuple(affected), self._turn)",
                "message = RestartNow(tuple(reversed(affected)), self._turn)",
            ),
        ),
    ),
)
