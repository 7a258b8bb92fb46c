"""A home that is being opened: its keys and its database, which belong together.

Invariant: a database is used with the owner and the peer who filled it, and with nobody else. Other keys would claim
the same names for another person (a conflict that everybody sees), or serve them from a machine that nobody's bookmarks
and access lists know. So no key is made for a database that has an owner, and nothing is changed by a refusal.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs

from beam_actors.errors import InvalidValue, StorageError, StoreDamaged
from beam_actors.identity import Keyring
from beam_actors.node.config import NodePorts
from beam_actors.node.keys import DATABASE, KEYSTORE, PHRASE, open_keys
from beam_actors.ports import Change, Store
from beam_actors.values import OwnerId, PeerId, Record, encode_record

TABLE = "home"
_KEYS = b"keys"
_VERSION = 1
_MAX_BYTES = 256


@attrs.frozen(slots=True)
class _Holder:
    """Whose a database is."""

    owner: OwnerId
    peer: PeerId


@attrs.frozen(slots=True, kw_only=True)
class OpenHome:
    """What a node is composed of."""

    keys: Keyring
    ports: NodePorts
    """Those that were given; the database that was opened is the first that they open."""
    notes: tuple[str, ...]
    """What the person should know before the node runs."""


@asynccontextmanager
async def open_home(ports: NodePorts, passphrase: str | None) -> AsyncIterator[OpenHome]:
    """Open the database and the keys, or make both on the first start; nothing that was not taken stays open.

    Raises:
        StorageError: the database is another owner's or machine's, or these keys are gone.
        BeamError: as `open_keys` and the store port say.
    """
    opened = [await ports.store()]

    async def store() -> Store:
        return opened.pop() if opened else await ports.store()

    try:
        keys, notes = await _matching(opened[0], ports, passphrase)
        yield OpenHome(keys=keys, ports=attrs.evolve(ports, store=store), notes=notes)
    finally:
        for left in opened:
            await left.close()


async def begin_home(store: Store, keys: Keyring) -> None:
    """Note whose the database of a new home is, or the first node would take it for one that lost what it held.

    Raises:
        StorageError: it can't be written.
    """
    await store.commit([Change(TABLE, _KEYS, _encode(_Holder(keys.owner.owner_id, keys.peer.peer_id)))])


async def _matching(store: Store, ports: NodePorts, passphrase: str | None) -> tuple[Keyring, tuple[str, ...]]:
    files = ports.files
    record = await store.get(TABLE, _KEYS)
    holder = None if record is None else _decode(record, files.path(DATABASE))
    keystore, database = files.path(KEYSTORE), files.path(DATABASE)
    had_keys = files.read(KEYSTORE) is not None
    instead = f"or, to begin anew without what it holds, move {database} and the files that begin with its name away"
    if holder is not None and not had_keys:
        raise StorageError(
            f"The keystore {keystore} is missing, and the database of this home belongs to its keys (owner "
            f"{holder.owner}): restore it and the device key beside it from a backup, {instead} (the owner stays the "
            f"same if the recovery phrase is in {files.path(PHRASE)})."
        )
    keys = await open_keys(files, ports.entropy, ports.compute, passphrase)
    mine = _Holder(keys.owner.owner_id, keys.peer.peer_id)
    if holder is None:
        await begin_home(store, keys)
        return keys, (_emptied(database),) if had_keys else ()
    if holder != mine:
        whose = "owner" if holder.owner != mine.owner else "machine"
        raise StorageError(
            f"The keystore {keystore} is another {whose}'s than the database of this home, which belongs to owner "
            f"{holder.owner} and peer {holder.peer}: restore the keystore of these from a backup, {instead}."
        )
    return keys, ()


def _emptied(database: str) -> str:
    return (
        f"This home has keys, and its database {database} is new: if names, pins, tunnels or forwards were kept here, "
        "they are gone. To bring them back stop the daemon and restore the database from a backup."
    )


def _encode(holder: _Holder) -> bytes:
    return encode_record({"v": _VERSION, "owner": str(holder.owner), "peer": str(holder.peer)})


def _decode(data: bytes, database: str) -> _Holder:
    try:
        record = Record.decode(data, limit=_MAX_BYTES)
        record.integer("v", least=_VERSION, most=_VERSION)
        return _Holder(OwnerId.parse(record.text("owner", limit=64)), PeerId.parse(record.text("peer", limit=64)))
    except InvalidValue as error:
        raise StoreDamaged(
            f"The database {database} doesn't say whose it is ({error}): move it and the files that begin with its "
            "name away, and put a backup in its place or start without one."
        ) from None
