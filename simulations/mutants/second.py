"""A second set, written against the invariants as by one who does not know them: subtler, not all visible."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="new-claims-not-kept",
        bug="A claim that is new is merged and never written to the store.",
        edits=(
            Edit(
                "naming/knowledge.py",
                "        self._seen[key] = Seen(before.first if before else int(now), int(now))\n"
                "        self._put(key)\n",
                "        self._seen[key] = Seen(before.first if before else int(now), int(now))\n"
                "        self._stored[key] = int(now)\n",
            ),
        ),
    ),
    Mutant(
        name="lookup-answers-are-not-submitted",
        bug="What peers answer to a question about a name is dropped.",
        edits=(
            Edit(
                "naming/lookups.py",
                "            await self._registrar.ask(Submit(message.claims, peer), timeout=self._limits.lookup_timeout)\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="failed-push-forgotten",
        bug="Claims that could not be pushed are forgotten: no exchange makes good for them.",
        edits=(
            Edit(
                "naming/spread.py",
                "                self._unreached.note(peer, error)\n                link.behind = True\n",
                "                self._unreached.note(peer, error)\n",
            ),
        ),
    ),
    Mutant(
        name="stale-grace-for-everybody",
        bug="Claims that ended resolve for three days more also while peers are connected.",
        edits=(
            Edit(
                "naming/ranking.py",
                "live = tuple(claim for claim in claims if is_live(claim, now))\n",
                "live = tuple(claim for claim in claims if is_live(claim, now, grace=STALE_GRACE))\n",
            ),
        ),
    ),
    Mutant(
        name="never-renewed",
        bug="Own claims are never signed anew, so names end after thirty days.",
        edits=(
            Edit(
                "naming/keeping.py",
                "return ahead or now >= claim.terms.issued + RENEW_AFTER or claim.era < signer.keyset.era",
                "return ahead or claim.era < signer.keyset.era",
            ),
        ),
    ),
    Mutant(
        name="register-does-not-ask-peers",
        bug="A name that is known to be held is claimed without asking, as if every registration contested.",
        edits=(Edit("naming/knowledge.py", "if rivals and not contest:", "if rivals and contest is None:"),),
    ),
    Mutant(
        name="refused-commit-is-acknowledged",
        bug="Whoever waits for a commit that the disk refused is told that it was done.",
        edits=(
            Edit(
                "naming/ledger.py",
                "            pending.failed(StorageError(str(error)))  # one each: a traceback grows with every raise\n",
                "            pending.done()\n",
            ),
        ),
    ),
    Mutant(
        name="witness-forgets",
        bug="What a session says between its handshake and its adoption is lost.",
        edits=(Edit("peers/handshake.py", "            self._told.append(message)\n", "            del message\n"),),
    ),
    Mutant(
        name="partial-flush-loses-the-rest",
        bug="Sealed bytes that the network did not take at once are dropped.",
        edits=(
            Edit(
                "flow/session_link.py",
                "                    self._out = self._out[sent:]\n",
                '                    self._out = self._out[sent:] if sent == 0 else memoryview(b"")\n',
            ),
        ),
    ),
    Mutant(
        name="taken-bytes-not-granted",
        bug="The window is not given back for bytes that were held before they were taken.",
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
        edits=(
            Edit(
                "flow/stream_link.py",
                "        self._drop_received()\n        self._carrier.budget.hold(self, 0)\n",
                "        self._drop_received()\n",
            ),
        ),
    ),
    Mutant(
        name="negotiations-not-counted-down",
        bug="A stream that was agreed to still counts as one in negotiation, until it ends.",
        edits=(
            Edit(
                "wire/services.py",
                "        self._negotiating.discard(stream.id)\n        if protocol not in _OWN",
                "        if protocol not in _OWN",
            ),
        ),
    ),
    Mutant(
        name="stream-number-reused",
        bug="A stream that ended gives its number to the next one.",
        edits=(
            Edit(
                "wire/mux.py",
                "        self._windows.give_back(stream)\n        self.outbox.forget(stream)\n        self._on_gone(stream)\n",
                "        self._windows.give_back(stream)\n        self.outbox.forget(stream)\n        self._on_gone(stream)\n"
                "        if stream.id == self._next_id - 2:\n            self._next_id -= 2\n",
            ),
        ),
    ),
    Mutant(
        name="window-grows-without-books",
        bug="Windows grow without taking from the budget of the session and the node.",
        edits=(
            Edit(
                "wire/windows.py",
                "if size > 0 and self._budget.take(size):",
                "if size > 0:",
            ),
        ),
    ),
    Mutant(
        name="retry-without-a-pause",
        bug="A dial that failed is tried again at once, for ever.",
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
        bug="Whoever waited for a stream of a session that ended is not served by the next one.",
        edits=(
            Edit(
                "peers/peer.py",
                "                self._waiting.put_back(waiter)\n                self._feed(Input.WANTED)",
                "                self._feed(Input.WANTED)",
            ),
        ),
    ),
    Mutant(
        name="stream-of-a-failed-opening-leaks",
        bug="A stream whose tunnel was refused is left open.",
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
        edits=(
            Edit(
                "tunnels/offered.py",
                "            answer = Answer(status=Status.TARGET_DOWN)\n",
                "            answer = _BUSY\n",
            ),
        ),
    ),
    Mutant(
        name="tell-to-the-waiting-is-kept",
        bug="An actor between two incarnations takes messages that the next one never sees, and their askers wait.",
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
        edits=(
            Edit(
                "runtime/future.py",
                "            for task in self._others:\n                reschedule(task)\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="crash-counts-as-an-end",
        bug="A child that crashed counts as one that ended in order: transient ones stay away, and nothing is counted.",
        edits=(
            Edit(
                "runtime/exits.py",
                "return self.kind in {ExitKind.CRASHED, ExitKind.KILLED}",
                "return self.kind is ExitKind.KILLED",
            ),
        ),
    ),
    Mutant(
        name="core-is-one-for-one",
        bug="The services go on with a store and a pump that were restarted below them.",
        edits=(
            Edit(
                "node/tree.py",
                "lambda: Supervisor(core, strategy=Strategy.REST_FOR_ONE, intensity=Intensity(restarts=5, period=30.0)),",
                "lambda: Supervisor(core, strategy=Strategy.ONE_FOR_ONE, intensity=Intensity(restarts=5, period=30.0)),",
            ),
        ),
    ),
    Mutant(
        name="store-not-closed",
        bug="A store that is restarted leaves the database of its former incarnation open.",
        edits=(Edit("node/storage.py", "            await self._store.close()", "            del self._store"),),
    ),
)
