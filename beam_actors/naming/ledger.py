"""What this node knows of names, and the store below it: one commit at a time, and what happens when the disk refuses.

Invariant: `done` is called after the change would survive a loss of power, and when a commit is refused, everybody who
waits hears it and the knowledge is read back; until then nothing is changed and what is durable still answers. It knows
tables and commits, and neither who asks for a change nor what a change means.
"""

from collections.abc import Callable
from typing import Any

import attrs
import structlog
import trio

from beam_actors.errors import StorageError, StoreDamaged
from beam_actors.naming import claim_rows, records
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.loading import Loading
from beam_actors.ports import Change, Store
from beam_actors.runtime import Reply, Worker

_log = structlog.get_logger(__name__)
_LOAD_BATCH = 256
_PAUSE = 5.0
"""Seconds without a change after a refused commit, since everything is read back after each."""


@attrs.frozen(slots=True)
class _Pending:
    """A change that waits for its commit, and who hears of it afterwards."""

    changes: list[Change]
    done: Callable[[], None]
    failed: Callable[[StorageError], None]


class Ledger:
    """Holds the knowledge of one node, which begins as `empty` makes it; `spawn` starts a worker of its actor."""

    def __init__(self, store: Store, empty: Callable[[], Knowledge], *, spawn: Callable[..., Worker]) -> None:
        self._store = store
        self._empty = empty
        self._spawn = spawn
        self.known = empty()
        """Another object after each `load`."""
        self._pending: list[_Pending] = []
        self._committing = False
        self._refused: str | None = None  # what the disk said; while it stands, nothing is changed
        self._ahead = False  # memory holds what the disk refused

    def __repr__(self) -> str:
        return f"<Ledger {self.known!r}, {len(self._pending)} uncommitted>"

    async def load(self) -> None:
        """Know what the store holds, and nothing else; raises `StorageError` and then leaves everything as it was."""
        known = self._empty()
        loading = Loading(known)
        for table in Loading.TABLES:
            loading.table(table, await self._store.scan(table))
        loading.marks(
            await self._store.get(records.META, records.FLOOR), await self._store.get(records.META, records.RUNNING)
        )
        damaged: list[Change] = []
        for number, (key, value) in enumerate(await self._store.scan(claim_rows.CLAIMS)):
            try:
                loading.entry(key, value)
            except StoreDamaged as error:
                # Peers will tell it again; to fail here would take all other names down with this one.
                _log.warning("a stored claim can't be read and is dropped", error=str(error))
                damaged.append(Change(claim_rows.CLAIMS, key, None))
            if number % _LOAD_BATCH == 0:
                await trio.lowlevel.checkpoint()
        loading.finish()
        for remark in known.remarks:
            _log.warning("what is stored of names is not all used", remark=remark)
        known.carry_on(self.known)
        self.known = known
        if damaged:
            try:
                await self._store.commit(damaged)
            except StorageError as error:
                _log.warning("what can't be read stays on the disk for now", error=str(error))

    # --- before a change, or an answer --------------------------------------------------------------------------------

    @property
    def refuses(self) -> bool:
        """Whether the disk refused a moment ago, so that nothing may be changed."""
        return self._refused is not None

    def check_disk(self) -> None:
        """Before each change: raise what the disk said a moment ago."""
        if self._refused is not None:
            raise StorageError(self._refused)

    def check_durable(self) -> None:
        """Before a peer is told what is here: a claim that was not committed may be signed again, differently."""
        if self._ahead and self._refused is not None:
            raise StorageError(self._refused)

    # --- after a change -----------------------------------------------------------------------------------------------

    def commit_for(self, reply: Reply, value: Any = None) -> None:
        """Answer with `value` once all changes up to now are durable, or with the disk's error."""
        self.commit(lambda: reply.set(value), reply.fail)

    def commit(
        self, done: Callable[[], None] | None = None, failed: Callable[[StorageError], None] | None = None
    ) -> None:
        """Call `done` once all changes up to now are durable, at once when there are none under way; else `failed`."""
        done, failed = done or _nothing, failed or _nobody
        changes = self.known.changes()
        if not changes and not self._committing:
            done()
            return
        self._pending.append(_Pending(changes, done, failed))
        if not self._committing:
            self._committing = True
            self._spawn(self._write, name="commit")

    async def _write(self) -> None:
        """Commit what waits, group by group, until the disk refuses."""
        while self._pending:
            group, self._pending = self._pending, []
            try:
                await self._store.commit([change for pending in group for change in pending.changes])
            except StorageError as error:
                self._refuse(group, error)
                break
            for pending in group:
                pending.done()
        self._committing = False

    # --- a disk that refuses ------------------------------------------------------------------------------------------

    def _refuse(self, group: list[_Pending], error: StorageError) -> None:
        """Tell everybody who waits, since what came later may rest on what was refused, and read the disk again.

        Not by a crash: a full disk and a few peers that go on sending would take the whole node down.
        """
        _log.warning("the disk refuses what is new about names", error=str(error))
        self._refused, self._ahead = str(error), True
        waiting, self._pending = [*group, *self._pending], []
        for pending in waiting:
            pending.failed(StorageError(str(error)))  # one each: a traceback grows with every raise
        self._spawn(self._recover, name="recover")

    async def _recover(self) -> None:
        """Go back to what is durable, and take in changes again after a pause."""
        while self._ahead:
            try:
                await self.load()
            except StorageError as error:
                _log.warning("the disk does not say what is known of names", error=str(error))
                self._refused = str(error)
            else:
                self._ahead = False
            await trio.sleep(_PAUSE)
        self._refused = None


def _nothing() -> None:
    """Nobody waits for the commit."""


def _nobody(_error: StorageError) -> None:
    """Nobody hears that it failed."""
