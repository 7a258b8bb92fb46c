"""Bugs in the runtime: children that are lost, restarts without bound, askers that wait for ever."""

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
        name="exit-told-twice",
        bug="Whoever monitors an actor is told twice of one exit.",
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
        plan="actors",
        invariant="L5",
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
        edits=(Edit("runtime/cell.py", "if len(inbox.user) >= inbox.limit:", "if len(inbox.user) < 0:"),),
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
        name="worker-failure-swallowed",
        bug="A worker that fails does not crash its actor.",
        edits=(
            Edit(
                "runtime/incarnation.py",
                "        except Exception as error:  # noqa: BLE001 (a worker's failure is its actor's crash)\n"
                "            self.crash_now(error)\n",
                "        except Exception as error:  # noqa: BLE001 (a worker's failure is its actor's crash)\n"
                "            del error\n",
            ),
        ),
    ),
    Mutant(
        name="child-outlives-its-parent",
        bug="An actor that ends leaves its children running until they end by themselves.",
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
        edits=(
            Edit(
                "runtime/incarnation.py",
                "                await self._actor_dismiss_workers()\n",
                "                await trio.lowlevel.checkpoint()\n",
            ),
        ),
    ),
)
