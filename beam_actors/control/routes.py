"""What the control API can be asked: one table of method, path, handler and deadline.

A handler turns a request's fields into typed values, calls the node once or twice, and returns the reply's content.
The table is the API: `docs/control-api.md` describes its rows, and an unknown row is answered in a sentence that names
this daemon's version, since the usual cause is a command of a newer one.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
import trio

from beam_actors import __version__
from beam_actors.control.api import NodeApi
from beam_actors.control.claiming import is_claimed, progress_of
from beam_actors.control.fields import Fields, as_json
from beam_actors.control.results import ExposeRequest, ForwardRequest, TraceRequest
from beam_actors.errors import BeamError, UsageError
from beam_actors.runtime import TraceLimits
from beam_actors.values import Multiaddr, OwnerId, PeerId, TcpAddress

_MAX_CLAIM = 1024
"""Bytes of a claim (docs/naming.md)."""

_MOST_WORK = 32
"""Zero bits: three months of one core."""
_WORK_SECONDS = 120.0
"""For what waits until the work for a name is done, which takes a slow machine long; the node gives up before."""

Content = Mapping[str, Any]
Handler = Callable[[NodeApi, Fields], Awaitable[Content]]


class UnknownCommand(BeamError):
    """The request asks for something that this version of the daemon does not know."""

    code = "unknown-command"
    exit_code = 4


@attrs.frozen(slots=True)
class Route:
    """One thing that can be asked. `timeout` (seconds) bounds the node's work on it."""

    method: str
    path: str
    handler: Handler
    timeout: float = 10.0


def _listing(method: Callable[[NodeApi], Callable[[], Awaitable[Any]]], key: str) -> Handler:
    async def handler(api: NodeApi, fields: Fields) -> Content:
        fields.done()
        return {key: as_json(await method(api)())}

    return handler


def _single(method: Callable[[NodeApi], Callable[[], Awaitable[Any]]]) -> Handler:
    async def handler(api: NodeApi, fields: Fields) -> Content:
        fields.done()
        content: Content = as_json(await method(api)())
        return content

    return handler


async def _connect(api: NodeApi, fields: Fields) -> Content:
    address = fields.parsed("address", Multiaddr.parse)
    fields.done()
    return _object(await api.connect(address))


async def _disconnect(api: NodeApi, fields: Fields) -> Content:
    peer = fields.parsed("peer", PeerId.parse)
    fields.done()
    return _object(await api.disconnect(peer))


async def _ping(api: NodeApi, fields: Fields) -> Content:
    target = fields.text("target")
    fields.done()
    return _object(await api.ping(target))


def read_expose(fields: Fields, *, foreground: bool) -> ExposeRequest:
    """The request for a tunnel; whether it can be offered, and to whom, is the node's rule."""
    target = fields.parsed("target", TcpAddress.parse)
    name = fields.optional_text("name")
    port = fields.optional_port("port")
    allow = fields.texts("allow")
    contest = fields.flag("contest")
    fields.done()
    return ExposeRequest(target=target, name=name, port=port, allow=allow, foreground=foreground, contest=contest)


async def _expose(api: NodeApi, fields: Fields) -> Content:
    tunnel = await api.expose(read_expose(fields, foreground=False))
    return {**_object(tunnel), "claimed": is_claimed(await progress_of(api, tunnel.name))}


async def _unexpose(api: NodeApi, fields: Fields) -> Content:
    which = fields.text("tunnel")
    fields.done()
    return _object(await api.unexpose(which))


async def _forward(api: NodeApi, fields: Fields) -> Content:
    destination = fields.text("destination")
    port = fields.optional_port("port")
    listen = fields.parsed("listen", TcpAddress.parse)
    fields.done()
    return _object(await api.forward(ForwardRequest(destination=destination, port=port, listen=listen)))


async def _unforward(api: NodeApi, fields: Fields) -> Content:
    which = fields.text("forward")
    fields.done()
    return _object(await api.unforward(which))


async def _register(api: NodeApi, fields: Fields) -> Content:
    name = fields.text("name")
    contest = fields.flag("contest")
    background = fields.flag("background")
    work = fields.optional_number("work", _MOST_WORK)
    fields.done()
    return _object(await api.register(name, contest=contest, background=background, work=work))


async def _progress(api: NodeApi, fields: Fields) -> Content:
    name = fields.text("name")
    fields.done()
    return _object(await api.progress(name))


async def _release(api: NodeApi, fields: Fields) -> Content:
    name = fields.text("name")
    fields.done()
    return {"name": name, "signed": await api.release(name)}


async def _resolve(api: NodeApi, fields: Fields) -> Content:
    name = fields.text("name")
    fields.done()
    return _object(await api.resolve(name))


async def _pin(api: NodeApi, fields: Fields) -> Content:
    name = fields.text("name")
    owner = fields.optional_parsed("owner", OwnerId.parse)
    fields.done()
    return _object(await api.pin(name, owner))


async def _unpin(api: NodeApi, fields: Fields) -> Content:
    name = fields.text("name")
    fields.done()
    await api.unpin(name)
    return {"name": name}


async def _petname(api: NodeApi, fields: Fields) -> Content:
    petname = fields.text("petname")
    name = fields.text("name")
    fields.done()
    return _object(await api.petname(petname, name))


async def _forget_petname(api: NodeApi, fields: Fields) -> Content:
    petname = fields.text("petname")
    fields.done()
    await api.forget_petname(petname)
    return {"petname": petname}


async def _events(api: NodeApi, fields: Fields) -> Content:
    after = fields.number("after", 0, 1 << 53)
    fields.done()
    return {"events": as_json(await api.events(after))}


async def _revoke(api: NodeApi, fields: Fields) -> Content:
    claim = fields.data("claim", _MAX_CLAIM)
    fields.done()
    return _object(await api.revoke(claim))


def read_trace(fields: Fields) -> TraceRequest:
    """The request for a trace, within what any system allows."""
    most = TraceLimits()
    default = TraceRequest(actor="")
    request = TraceRequest(
        actor=fields.text("actor"),
        subtree=fields.flag("subtree"),
        limit=fields.number("limit", default.limit, most.messages),
        rate=fields.number("rate", default.rate, most.rate),
    )
    fields.done()
    return request


async def _tree(api: NodeApi, fields: Fields) -> Content:
    fields.done()
    tree = await api.tree()
    await trio.lowlevel.checkpoint()  # thousands of actors: others have their turn between the steps
    content = {**_object(tree.root), "dead": as_json(tree.dead)}
    await trio.lowlevel.checkpoint()
    return content


async def _crash(api: NodeApi, fields: Fields) -> Content:
    path = fields.text("path")
    fields.done()
    await api.crash(path)
    return {"path": path}


async def _stop(api: NodeApi, fields: Fields) -> Content:
    fields.done()
    await api.stop()
    return {"stopping": True}


def _object(result: Any) -> Content:
    content: Content = as_json(result)
    return content


ROUTES = (
    Route("GET", "/v1/id", _single(lambda api: api.id)),
    Route("GET", "/v1/status", _single(lambda api: api.status)),
    Route("GET", "/v1/peers", _listing(lambda api: api.peers, "peers")),
    Route("POST", "/v1/connect", _connect, timeout=30.0),
    Route("POST", "/v1/disconnect", _disconnect),
    Route("POST", "/v1/ping", _ping, timeout=30.0),
    Route("POST", "/v1/expose", _expose, timeout=30.0),
    Route("POST", "/v1/unexpose", _unexpose),
    Route("GET", "/v1/tunnels", _listing(lambda api: api.tunnels, "tunnels")),
    Route("POST", "/v1/forward", _forward, timeout=30.0),
    Route("POST", "/v1/unforward", _unforward),
    Route("GET", "/v1/forwards", _listing(lambda api: api.forwards, "forwards")),
    Route("POST", "/v1/register", _register, timeout=_WORK_SECONDS),
    Route("POST", "/v1/progress", _progress),
    Route("POST", "/v1/release", _release, timeout=_WORK_SECONDS),
    Route("GET", "/v1/names", _listing(lambda api: api.names, "names")),
    Route("POST", "/v1/resolve", _resolve),
    Route("POST", "/v1/pin", _pin),
    Route("POST", "/v1/unpin", _unpin),
    Route("POST", "/v1/petname", _petname),
    Route("POST", "/v1/forget-petname", _forget_petname),
    Route("POST", "/v1/events", _events),
    Route("POST", "/v1/revoke", _revoke),
    Route("GET", "/v1/conflicts", _listing(lambda api: api.conflicts, "conflicts")),
    Route("GET", "/v1/tree", _tree),
    Route("POST", "/v1/crash", _crash),
    Route("GET", "/v1/ca", _single(lambda api: api.ca)),
    Route("POST", "/v1/stop", _stop),
)
SHARE = "/v1/share"
"""POST: a foreground tunnel; the answer is a stream (see `sharing`)."""
TRACE = "/v1/trace"
"""POST: a trace; the answer is a stream (see `tracing`)."""
_TABLE = {(route.method, route.path): route for route in ROUTES}
_PATHS = {route.path for route in ROUTES} | {SHARE, TRACE}


def find_route(method: str, path: str) -> Route:
    """The row for a request; raise `UnknownCommand`, or `UsageError` for a known path and another method."""
    route = _TABLE.get((method, path))
    if route is not None:
        return route
    if path in _PATHS:
        raise UsageError(f"{path} does not take {method[:16]}.")
    raise UnknownCommand(
        f"The running daemon is version {__version__} and does not know {path[:60]!r}: "
        "restart it with the newer program (`beam stop`, then `beam start --detach`)."
    )
