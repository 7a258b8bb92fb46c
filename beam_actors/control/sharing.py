"""Foreground tunnels: offered for as long as somebody holds the connection that asked for them.

The invariant: a foreground tunnel without a holder is withdrawn, at once when its last connection ends, and after a
time of grace when this API itself crashed (then the commands come back and take hold again; their visitors' streams
went on meanwhile). One tunnel may have several holders: two `beam 3000` of the same port.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
import structlog
import trio

from beam_actors.control.api import NodeApi
from beam_actors.control.claiming import is_claimed, progress_of
from beam_actors.control.limits import ControlLimits
from beam_actors.control.results import TunnelRow
from beam_actors.errors import BeamError, NetworkError

_HEARTBEAT = 10
_WITHDRAW_SECONDS = 5.0
_log = structlog.get_logger()
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Shares:
    """The foreground tunnels that are held now."""

    def __init__(self, api: NodeApi, limits: ControlLimits) -> None:
        self._api = api
        self._limits = limits
        self._holders: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"Shares({dict(self._holders)})"

    async def watch(
        self, tunnel: TunnelRow, *, send: Send, until_gone: Callable[[], Awaitable[None]], first: Mapping[str, Any]
    ) -> None:
        """Hold a tunnel: send `first`, then a line when something changes, until the client is gone or it is withdrawn.

        To the first are added `holders`, how many hold it now, and `claimed`: whether the work for its name is done,
        so that others can open it, or null if it is not to be had; if false, a line says when it is. Then let go. A
        cancellation (this API crashes or stops) lets go without withdrawing: see `sweep`.
        """
        self._holders[tunnel.id] += 1  # before the first wait: no other holder's end may come between
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._until_gone, until_gone, nursery.cancel_scope)
                claimed = is_claimed(await progress_of(self._api, tunnel.name))
                await send({**first, "claimed": claimed, "holders": self._holders[tunnel.id]})
                await self._report(tunnel, send, unclaimed=claimed is False)
                nursery.cancel_scope.cancel()
        except* NetworkError:
            pass  # the client's end, in whichever of the two it showed first
        finally:
            self._holders[tunnel.id] -= 1
            if not self._holders[tunnel.id]:
                del self._holders[tunnel.id]
        await self._withdraw(tunnel.id)

    async def _until_gone(self, until_gone: Callable[[], Awaitable[None]], scope: trio.CancelScope) -> None:
        await until_gone()
        scope.cancel()

    async def _report(self, tunnel: TunnelRow, send: Send, *, unclaimed: bool) -> None:
        last: tuple[int, int, TunnelRow] | None = None
        ticks = 0
        while True:
            await trio.sleep(self._limits.status_interval)
            ticks += 1
            try:
                status = await self._api.status()
                rows = [row for row in await self._api.tunnels() if row.id == tunnel.id]
            except BeamError:
                continue  # the core restarts; the tunnel comes back with it
            if not rows:
                await send({"event": "ended"})
                return
            seen = peers, holders, row = status.peers, self._holders[tunnel.id], rows[0]
            if unclaimed:
                progress = await progress_of(self._api, tunnel.name)
                unclaimed = is_claimed(progress) is False
                if progress is not None and not unclaimed:
                    await send({"event": "claimed", "name": progress.full, "told": progress.told})
            if seen != last or ticks % _HEARTBEAT == 0:
                last = seen
                await send({"event": "status", "peers": peers, "holders": holders, "tunnel": attrs.asdict(row)})

    async def sweep(self) -> None:
        """Withdraw the foreground tunnels that nobody holds: what a crashed API left behind."""
        try:
            rows = await self._api.tunnels()
        except BeamError:
            return
        for row in rows:
            if row.foreground:
                await self._withdraw(row.id)

    async def _withdraw(self, tunnel: str) -> None:
        """Withdraw a tunnel that nobody holds, unless it is gone, or was made to stay (`beam expose`) meanwhile."""
        with trio.move_on_after(_WITHDRAW_SECONDS):
            try:
                rows = await self._api.tunnels()
                if not self._holders[tunnel] and any(row.id == tunnel and row.foreground for row in rows):
                    await self._api.unexpose(tunnel)
            except BeamError as error:
                _log.warning("a foreground tunnel could not be withdrawn", tunnel=tunnel, code=error.code)
