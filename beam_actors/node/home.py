"""A home that is being opened: its keys and its database, which belong together.

Invariant: a database is used with the owner and the peer who filled it, and with nobody else. Other keys would claim
the same names for another person (a conflict that everybody sees), or serve them from a machine that nobody's bookmarks
and access lists know. So no key is made for a database that has an owner, and nothing is changed by a refusal. Nor is
it used in another network than the one it was filled in: what is kept of names is of one network, and would be lost.
In which one it is, is noted once a node runs there; without that note the claims in it say so: a person says it once,
and may say another one as long as nothing would be lost.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import attrs

from beam_actors.errors import InvalidValue, NotAllowed, StorageError, StoreDamaged
from beam_actors.identity import Keyring
from beam_actors.naming import MAX_NETWORK, is_of_no_network, networks_in
from beam_actors.node.config import NodePorts
from beam_actors.node.keys import DATABASE, KEYSTORE, PHRASE, open_keys
from beam_actors.ports import Change, Store
from beam_actors.values import OwnerId, PeerId, Record, encode_record

TABLE = "home"
_KEYS = b"keys"
_NETWORK = b"network"
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
    network: str
    """The one that it is in, or is to be in."""
    notes: tuple[str, ...]
    """What the person should know before the node runs."""
    settle: Callable[[], Awaitable[None]]
    """To be awaited once the node's tree stands: the home is in this network from then on. A start that fails, with a
    mistyped name of a network, say, settles nothing. What the disk refuses is left to the next start."""


@asynccontextmanager
async def open_home(
    ports: NodePorts, passphrase: str | None, network: str, *, fixed: bool = True
) -> AsyncIterator[OpenHome]:
    """Open the database and the keys, or make both on the first start; nothing that was not taken stays open.

    A home that was filled in another network stays in that unless this one is `fixed`, by a person.

    Raises:
        NotAllowed: the database was filled in another network than the fixed one.
        StorageError: the database is another owner's or machine's, or these keys are gone.
        BeamError: as `open_keys` and the store port say.
    """
    first = await ports.store()
    opened = [first]

    async def store() -> Store:
        return opened.pop() if opened else await ports.store()

    async def settle() -> None:
        if noted != lives_in:
            with suppress(StorageError):
                await first.commit([Change(TABLE, _NETWORK, encode_record({"v": _VERSION, "network": lives_in}))])

    try:
        noted = await _noted_network(first)
        lived_in = noted or await _network_of_claims(first, network if fixed else None)
        if fixed and noted is not None and noted != network and await is_of_no_network(first):
            lived_in = None  # the one that was noted may have been mistyped
        if fixed and lived_in not in {None, network}:
            raise NotAllowed(
                f"The database {ports.files.path(DATABASE)} of this home was filled in the network {lived_in}, and "
                f"what it holds of names is lost in the network {network}: leave --network out, or start with "
                "another --home. Nothing was changed."
            )
        lives_in = lived_in or network
        keys, notes = await _matching(first, ports, passphrase)
        given = attrs.evolve(ports, store=store)
        yield OpenHome(keys=keys, ports=given, network=lives_in, notes=notes, settle=settle)
    finally:
        for left in opened:
            await left.close()


async def begin_home(store: Store, keys: Keyring) -> None:
    """Note whose the database of a new home is, or the first node would take it for one that lost what it held.

    Raises:
        StorageError: it can't be written.
    """
    await store.commit([Change(TABLE, _KEYS, _encode(_Holder(keys.owner.owner_id, keys.peer.peer_id)))])


async def _noted_network(store: Store) -> str | None:
    """The network in which a database was filled, as far as a note of that can be read."""
    record = await store.get(TABLE, _NETWORK)
    if record is not None:
        with suppress(InvalidValue):  # what was noted is found again from the claims, if anything can be lost
            fields = Record.decode(record, limit=_MAX_BYTES)
            fields.integer("v", least=_VERSION, most=_VERSION)
            return fields.text("network", limit=MAX_NETWORK)
    return None


async def _network_of_claims(store: Store, network: str | None) -> str | None:
    """That of most claims in a database, or this one if there are some of it; None if there are none."""
    networks = await networks_in(store)
    return network if network in networks else next(iter(networks), None)


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
        raise _unclear(database, error) from None


def _unclear(database: str, error: InvalidValue) -> StoreDamaged:
    return StoreDamaged(
        f"The database {database} doesn't say whose it is ({error}): move it and the files that begin with its name "
        "away, and put a backup in its place or start without one."
    )
