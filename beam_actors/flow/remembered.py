"""The ports that stand in for taken ones, kept over restarts: what was printed or told to others stays true.

    ports    the address that was wanted, as text    {"v": 1, "port": the one that was got}

Invariant: a port is only remembered, never insisted upon: whoever asks binds it if it is free, and takes another one
otherwise. What can't be read or written costs the memory and nothing else.
"""

import structlog

from beam_actors.errors import ActorError, InvalidValue, StorageError
from beam_actors.ports import Change, Store
from beam_actors.values import Record, TcpAddress, encode_record

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
