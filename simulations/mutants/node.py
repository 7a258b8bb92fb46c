"""Bugs in how a node opens its home, hands commits to the disk, builds its tree and is controlled."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="home-of-somebody-else",
        bug="A database is used with the keys of another owner.",
        plan="keys",
        invariant="S3",
        edits=(Edit("node/home.py", "    if holder != mine:\n", "    if holder.peer.short == '':\n"),),
    ),
    Mutant(
        name="keys-made-anew",
        bug="A home whose keystore is gone gets new keys, and its names go to a new owner.",
        plan="keys",
        invariant="S3",
        edits=(
            Edit(
                "node/home.py", "if holder is not None and not had_keys:", "if holder is not None and record is None:"
            ),
            Edit(
                "node/home.py",
                "    if holder is None:\n        await begin_home",
                "    if holder is None or not had_keys:\n        await begin_home",
            ),
        ),
    ),
    Mutant(
        name="commit-dropped-between-stores",
        bug="A commit that comes while the database is being opened is dropped and acknowledged.",
        plan="actors",
        invariant="S13",
        edits=(
            Edit(
                "node/storage.py",
                "        await self._open.commit(changes)\n",
                "        if self._store is not None:\n            await self._open.commit(changes)\n",
            ),
        ),
    ),
    Mutant(
        name="core-is-one-for-one",
        bug="The services go on with a store and a pump that were restarted below them.",
        plan="actors",
        invariant="S19",
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
        test="node/test_storage.py::test_while_a_database_is_closed_and_after_nobody_is_led_to_it",
        edits=(Edit("node/storage.py", "            await self._store.close()", "            del self._store"),),
    ),
    Mutant(
        name="database-let-go-without-closing-its-handle",
        bug="A store that ends leaves its handle leading to the database that is being closed.",
        test="node/test_storage.py::test_while_a_database_is_closed_and_after_nobody_is_led_to_it",
        edits=(Edit("node/storage.py", "        self._handle.attach(None)\n", ""),),
    ),
    Mutant(
        name="control-answers-every-user",
        bug="The control socket answers every user of the machine.",
        plan="spread",
        invariant="S14",
        edits=(
            Edit(
                "control/serving.py",
                "return credentials is None or credentials.uid != self._uid",
                "return credentials is None",
            ),
        ),
    ),
    Mutant(
        name="home-of-another-network",
        bug="A database is opened in another network, where what it holds of names is lost.",
        test="node/test_home.py::test_a_database_of_another_network_is_refused_and_left_as_it_is",
        edits=(
            Edit(
                "node/home.py",
                "if fixed and lived_in not in {None, network}:",
                "if fixed and lived_in is not None and not network:",
            ),
        ),
    ),
)
