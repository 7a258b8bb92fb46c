"""Bugs in how a node opens its home and hands commits to the disk."""

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
                "    if holder is None:\n        await store.commit",
                "    if holder is None or not had_keys:\n        await store.commit",
            ),
        ),
    ),
    Mutant(
        name="commit-dropped-between-stores",
        bug="A commit that comes while the database is being opened is dropped and acknowledged.",
        edits=(
            Edit(
                "node/storage.py",
                "        await self._open.commit(changes)\n",
                "        if self._store is not None:\n            await self._open.commit(changes)\n",
            ),
        ),
    ),
)
