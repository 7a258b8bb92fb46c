"""A home at rest: what the commands of the owner read in it, and change in it while no daemon runs there.

Invariant: the phrase and what is derived from it stay in this process, and a home is changed only while it is locked.
What is heavy (keys, a loop, the database) is imported when it is needed.
"""

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import click

from beam_actors.cli.context import App
from beam_actors.cli.daemon_commands import read_passphrase
from beam_actors.cli.home import DATABASE, PHRASE
from beam_actors.cli.output import is_terminal
from beam_actors.errors import HomeInUse, NotAllowed, StorageError, UsageError
from beam_actors.world.home_lock import HomeLock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from beam_actors.identity import OwnerChain
    from beam_actors.node import Owning

T = TypeVar("T")
_MAX_PHRASE = 1024


def locked(app: App) -> HomeLock:
    """The home's lock; raise `HomeInUse` with the way there."""
    try:
        return HomeLock(app.home.path)
    except HomeInUse as error:
        raise _in_use(app) from error


def check_stopped(app: App) -> None:
    """Raise `HomeInUse` while a daemon runs, before a person types or answers anything; the lock itself decides."""
    if app.home.in_use():
        raise _in_use(app)


def _in_use(app: App) -> HomeInUse:
    return HomeInUse(
        f"A daemon runs in {app.home.path}, so nothing was changed: keys change only while none does. `beam stop`, "
        "then this again, then `beam start --detach`."
    )


def chain_of(app: App, phrase_file: str | None) -> "OwnerChain":
    """The keys of the phrase in the file that was named, else in the home, else typed; raise `UsageError`."""
    from beam_actors.identity import OwnerChain  # noqa: PLC0415 (see above)

    return OwnerChain.from_phrase(_phrase(app, phrase_file))


def _phrase(app: App, phrase_file: str | None) -> str:
    """The phrase of the file that was named, else of the home, else as a person types it; raise `UsageError`."""
    kept = app.home.file(PHRASE)
    if phrase_file is None and not kept.exists():
        if not is_terminal() or not sys.stdin.isatty():
            raise UsageError(
                "The recovery phrase is not on this machine: name a file that holds it, --phrase-file FILE."
            )
        return str(click.prompt("Recovery phrase", hide_input=True, err=True))
    return _read(phrase_file or str(kept))


def _read(path: str) -> str:
    try:
        if path == "-":
            data = sys.stdin.buffer.read(_MAX_PHRASE + 1)
        else:
            with open(path, "rb") as file:  # noqa: PTH123 (pathlib has no bounded read)
                data = file.read(_MAX_PHRASE + 1)
        if len(data) > _MAX_PHRASE:
            raise UsageError(f"{path} holds no recovery phrase: that has 24 words.")
        return data.decode("utf-8").strip()
    except OSError as error:
        raise UsageError(f"The phrase file {path} cannot be used: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"The phrase file {path} cannot be used: it is not text.") from None


def secret_of(passphrase_file: str | None) -> str | None:
    """The keystore's passphrase, read once: it may come through a pipe."""
    return None if passphrase_file is None else read_passphrase(passphrase_file)


def check_keys(app: App) -> None:
    """Raise `NotAllowed` for a home that has none."""
    from beam_actors.node import KEYSTORE  # noqa: PLC0415 (see above)

    if not app.home.file(KEYSTORE).exists():
        raise NotAllowed(f"There are no keys in {app.home.path} yet; `beam recover` makes them.")


def check_phrase(app: App, chain: "OwnerChain") -> None:
    """Refuse a home that keeps the phrase of somebody else, which other commands would go on using."""
    from beam_actors.identity import OwnerChain  # noqa: PLC0415 (see above)

    kept = app.home.file(PHRASE)
    if kept.exists() and OwnerChain.from_phrase(_read(str(kept))).owner_id != chain.owner_id:
        raise NotAllowed(f"{kept} holds the phrase of another owner; move it away, or choose another --home.")


def act(app: App, chain: "OwnerChain", secret: str | None, step: "Callable[[Owning], Awaitable[T]]") -> T:
    """Have the owner of the home do something while it is locked; the home has keys."""
    import trio  # noqa: PLC0415 (see above)

    from beam_actors.node import Owning  # noqa: PLC0415 (see above)
    from beam_actors.world.compute import ThreadCompute  # noqa: PLC0415 (see above)
    from beam_actors.world.entropy import OsEntropy  # noqa: PLC0415 (see above)
    from beam_actors.world.files import HomeFiles  # noqa: PLC0415 (see above)
    from beam_actors.world.store import SqliteStore  # noqa: PLC0415 (see above)

    async def run(files: HomeFiles) -> T:
        store = await SqliteStore.open(app.home.file(DATABASE))
        try:
            return await step(Owning(files, store, OsEntropy(), ThreadCompute(), secret, chain))
        finally:
            await store.close()

    os.umask(0o077)
    with locked(app), HomeFiles(app.home.path) as files:
        return trio.run(run, files)


def heard_era(app: App, chain: "OwnerChain", secret: str | None) -> int:
    """The latest era of the owner that the home knows to be open, by its key alone where there is no sound database.

    Raises:
        HomeInUse: a daemon runs there.
        NotAllowed: the owner was revoked, or the home is another owner's.
    """
    import trio  # noqa: PLC0415 (see above)

    from beam_actors.node import KEYSTORE, check_owner, open_keys  # noqa: PLC0415 (see above)
    from beam_actors.world.compute import ThreadCompute  # noqa: PLC0415 (see above)
    from beam_actors.world.entropy import OsEntropy  # noqa: PLC0415 (see above)
    from beam_actors.world.files import HomeFiles  # noqa: PLC0415 (see above)

    if not app.home.file(KEYSTORE).exists():
        return 0
    if app.home.file(DATABASE).exists():  # it is not made here
        with suppress(StorageError):
            return act(app, chain, secret, lambda owner: owner.heard_era())

    async def run(files: HomeFiles) -> int:
        keys = await open_keys(files, OsEntropy(), ThreadCompute(), secret)
        check_owner(keys, chain.owner_id)
        return keys.owner.era

    with locked(app), HomeFiles(app.home.path) as files:
        return trio.run(run, files)


def install(app: App, chain: "OwnerChain", era: int | None, secret: str | None, *, heard: int) -> int:
    """Give the home the key of the era, while it is locked: by default of the one that it has. Which one it is.

    `heard` is the latest era that is known to be open.

    A fresh home, without keys, gets them and its database.

    Raises:
        HomeInUse: a daemon runs there.
        NotAllowed: the era is past, or as `take_owner_key`.
        StorageError: there is a database, and no keys.
    """
    import trio  # noqa: PLC0415 (see above)

    from beam_actors.node import KEYSTORE, begin_home, open_keys, take_owner_key  # noqa: PLC0415 (see above)
    from beam_actors.world.compute import ThreadCompute  # noqa: PLC0415 (see above)
    from beam_actors.world.entropy import OsEntropy  # noqa: PLC0415 (see above)
    from beam_actors.world.files import HomeFiles  # noqa: PLC0415 (see above)
    from beam_actors.world.store import SqliteStore  # noqa: PLC0415 (see above)

    database = app.home.file(DATABASE)

    async def run(files: HomeFiles) -> int:
        ports = files, OsEntropy(), ThreadCompute()
        fresh = not app.home.file(KEYSTORE).exists()
        if fresh and database.exists():
            raise StorageError(
                f"{app.home.path} holds a database without its keys; move it away, or choose another --home."
            )
        wanted = era
        if wanted is None:
            wanted = 0 if fresh else (await open_keys(*ports, secret)).owner.era
        if wanted < heard:
            raise NotAllowed(
                f"The key of era {wanted} signs for nothing any more, since era {heard} was opened: "
                f"`beam recover --era {heard}`."
            )
        keys = await take_owner_key(*ports, secret, chain.era_key(wanted))
        if fresh:
            store = await SqliteStore.open(database)
            try:
                await begin_home(store, keys)
            finally:
                await store.close()
        return wanted

    os.umask(0o077)
    with locked(app), HomeFiles(app.home.path) as files:
        return trio.run(run, files)
