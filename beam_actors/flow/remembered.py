"""The ports that stand in for those that can't be had, kept over restarts: what was printed or told stays true.

    ports    the address that was wanted, as text    {"v": 1, "port": the one that was got}

Invariant: a port is only remembered, never insisted upon: it is bound if it is free, and another one otherwise. What
can't be read or written costs the memory and nothing else.
"""

from collections.abc import Callable
from typing import TypeVar

import structlog

from beam_actors.errors import ActorError, AddressInUse, AddressNotPermitted, InvalidValue, StorageError
from beam_actors.ports import Change, Store
from beam_actors.values import Address, Record, TcpAddress, encode_record

T = TypeVar("T")
TABLE = "ports"
_VERSION = 1
_MAX_BYTES = 64
_log = structlog.get_logger(__name__)


class RememberedPorts:
    """Those of one node, in its store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"<RememberedPorts in {self._store!r}>"

    async def bind(self, wanted: TcpAddress, listen: Callable[[TcpAddress], T], local: Callable[[T], Address]) -> T:
        """What `listen` returns for the first address that can be bound; `local` tells which one it got.

        Tried are the wanted one, unless its port is 0; the port that stood in for it last; any free one, which stands
        in from now on.

        Raises:
            AddressInUse, AddressNotPermitted: not even a free port of that IP can be had.
        """
        if wanted.port:
            try:
                return listen(wanted)
            except (AddressInUse, AddressNotPermitted) as error:
                _log.warning("address not available, another port is used", address=str(wanted), error=str(error))
        remembered = await self.get(wanted)
        if remembered:
            try:
                return listen(TcpAddress(wanted.ip, remembered))
            except (AddressInUse, AddressNotPermitted):
                _log.info("the port of the last run is taken; another is used", port=remembered)
        bound = listen(TcpAddress(wanted.ip, 0))
        got = local(bound)
        if isinstance(got, TcpAddress):
            await self.keep(wanted, got.port)
        return bound

    async def get(self, wanted: TcpAddress) -> int:
        """The port that stood in for that of `wanted` last; 0 if there is none."""
        try:
            value = await self._store.get(TABLE, str(wanted).encode())
            if value is None:
                return 0
            record = Record.decode(value, limit=_MAX_BYTES)
            record.integer("v", least=_VERSION, most=_VERSION)
            return record.integer("port", least=1, most=65535)
        except (InvalidValue, StorageError, ActorError):
            return 0

    async def keep(self, wanted: TcpAddress, port: int) -> None:
        """It stands in from now on."""
        value = encode_record({"v": _VERSION, "port": port})
        try:
            await self._store.commit([Change(TABLE, str(wanted).encode(), value)])
        except (StorageError, ActorError) as error:
            _log.warning("the port was not written down", error=str(error))
