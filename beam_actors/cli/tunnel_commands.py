"""`expose`, `unexpose`, `tunnels`, `forward`, `unforward`, `forwards`: services that stay, and ways to reach others."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click

from beam_actors.cli.claiming import follow_work, note_gave_up, replaced_by
from beam_actors.cli.context import App, beam_command
from beam_actors.cli.daemon import ensure_daemon
from beam_actors.cli.output import amount, counted, moment
from beam_actors.cli.requests import check_expose, expose_body
from beam_actors.cli.tables import NOTHING
from beam_actors.cli.targets import forward_selector, parse_destination, parse_listen, tunnel_selector
from beam_actors.errors import BeamError, InvalidValue, NameContested, NameHandedOver, NameNotFound
from beam_actors.world.probe import answers

OPEN_TO_ALL = "Anyone on the network can open this; --allow PEER restricts it."
RIVALS = "Somebody else claims this name, too, so others must choose before it opens: see `beam names conflicts`."
LOST = " (not yours any more)"
REPLACED = " (key replaced)"
_NOWHERE = {NameNotFound.code, NameHandedOver.code, NameContested.code}
_TRAFFIC = ("conns", "to it", "from it")
"""Connections open now, of those since the start; bytes to the service, and from it."""
_STATES = {"no-port": "can't listen", "unused": "not used yet", "works": "works", "fails": "fails"}
HOW_TO_OPEN = "Browsers do not know such names by themselves yet: `beam status` shows a curl line that opens them."


@click.command
@click.argument("target")
@click.option("--name", metavar="NAME", help="Register this name for it, if it is free.")
@click.option("--contest", is_flag=True, help="Claim the name although somebody is known to hold it.")
@click.option(
    "--port", type=click.IntRange(1, 65535), metavar="PORT", help="Offer raw TCP on this port of the name, not HTTP."
)
@click.option("--allow", metavar="PEER", multiple=True, help="Only this peer may use it (repeat), or 'everyone'.")
@beam_command
def expose(app: App, target: str, name: str | None, port: int | None, allow: tuple[str, ...], *, contest: bool) -> None:
    """Offer TARGET (PORT or HOST:PORT) for good: it is kept across restarts."""
    body = expose_body(target, name=name, port=port, allow=allow, contest=contest)
    ensure_daemon(app.home, app.out.note, check=lambda: check_expose(body))
    answer = app.ask("POST", "/v1/expose", body)
    up = answers(answer["target"])
    if not up:
        app.out.note(nothing_there(answer))
    if app.out.as_json:
        app.out.data({**answer, "target_up": up})
        return
    app.out.styled(f"🔗 Tunnel active: {title(answer)}", fg="green")
    app.out.line()
    show_ways(app, answer)
    if not answer["allow"]:
        app.out.note(OPEN_TO_ALL)
    note_rivals(app, full_name(answer))
    note_gave_up(app, answer)
    note_how_to_open(app, answer)
    if answer.get("claimed") is False:  # a daemon of before says nothing of it
        follow_work(app, answer["name"])


@click.command
@click.argument("tunnel")
@beam_command
def unexpose(app: App, tunnel: str) -> None:
    """Withdraw TUNNEL: its id, its name, or the local port that it leads to."""
    answer = app.ask("POST", "/v1/unexpose", {"tunnel": tunnel_selector(tunnel)})
    if app.out.as_json:
        app.out.data(answer)
        return
    if answer["name"] is None:
        app.out.line(f"Withdrawn: {answer['target']}, without a name")  # as `tunnels` shows it
        return
    app.out.line(f"Withdrawn: {title(answer)} ({answer['target']})")
    if answer["yours"]:
        app.out.note(f"The name stays yours; `beam release {answer['name']}` gives it up.")


@click.command
@beam_command
def tunnels(app: App) -> None:
    """The services that this machine offers."""
    answer = app.ask("GET", "/v1/tunnels")
    if app.out.as_json:
        app.out.data(answer)
        return
    rows = [
        (
            row["id"],
            title(row) + _whose(row) if row["name"] else NOTHING,
            row["target"],
            row["kind"] if row["port"] is None else f"{row['kind']} {row['port']}",
            counted(len(row["allow"]), "peer") if row["allow"] else "everyone",
            *_traffic(row),
        )
        for row in answer["tunnels"]
    ]
    heads = ("id", "name", "target", "kind", "open to", *_TRAFFIC)
    app.out.table(heads, rows, empty="No tunnels; `beam 3000` offers a port.", spare=("from it", "to it"))
    for row in answer["tunnels"]:
        if not row["yours"] and row.get("replaced_by_era") is None:
            app.out.note(f"{title(row)} is not yours any more, so nobody comes: `beam unexpose {row['id']}` ends it.")
    eras = [era for row in answer["tunnels"] if (era := row.get("replaced_by_era")) is not None]
    if eras:
        app.out.note(f"Where the key was replaced, nobody comes here by the name. {replaced_by(max(eras))}")


def _whose(row: Mapping[str, Any]) -> str:
    """What is said beside the name of a tunnel that this machine does not claim now."""
    if row.get("replaced_by_era") is not None:
        return REPLACED
    return "" if row["yours"] else LOST


@click.command
@click.argument("destination")
@click.argument("listen")
@beam_command
def forward(app: App, destination: str, listen: str) -> None:
    """Hold a local port, LISTEN ([HOST:]PORT), that leads to DESTINATION (NAME-OR-PEER[:PORT])."""
    far = parse_destination(destination)
    body = {"destination": far.who, "port": far.port, "listen": parse_listen(listen)}
    answer = app.ask("POST", "/v1/forward", body)
    if app.out.as_json:
        app.out.data(answer)
    else:
        app.out.line(f"🔗 {answer['listen']} leads to {_far_end(answer)}")
    _warn_if_nowhere(app, far.who)


@click.command
@click.argument("forward_", metavar="FORWARD")
@beam_command
def unforward(app: App, forward_: str) -> None:
    """Give up FORWARD: its id, its local port or its destination."""
    answer = app.ask("POST", "/v1/unforward", {"forward": forward_selector(forward_)})
    if app.out.as_json:
        app.out.data(answer)
        return
    app.out.line(f"Given up: {answer['listen']}, which led to {_far_end(answer)}")


@click.command
@beam_command
def forwards(app: App) -> None:
    """The local ports that lead to others."""
    answer = app.ask("GET", "/v1/forwards")
    if app.out.as_json:
        app.out.data(answer)
        return
    rows = [
        (row["id"], row["listen"], _far_end(row), *_traffic(row), _STATES[row["state"]], _last_failure(row))
        for row in answer["forwards"]
    ]
    heads = ("id", "local", "leads to", *_TRAFFIC, "state", "last failure")
    app.out.table(
        heads,
        rows,
        empty="No forwards; `beam forward` makes one.",
        spare=("from it", "to it", "id"),
        prose="last failure",
    )


def _last_failure(row: Mapping[str, Any]) -> str:
    """What went wrong with a forward last, and when."""
    return NOTHING if row["failure"] is None else f"{moment(row['failed_at'])}: {row['failure']}"


def _traffic(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """The cells under `_TRAFFIC`."""
    moved = row["traffic"]
    return (
        f"{row['connections']} of {moved['connections']}",
        amount(moved["bytes_to_service"]),
        amount(moved["bytes_from_service"]),
    )


def title(row: Mapping[str, Any]) -> str:
    """What people call a tunnel: the host of its first address, else its name or where it leads."""
    if row["urls"]:
        return str(row["urls"][0]).split("://", 1)[-1].partition("/")[0]
    return str(row["name"] or f"{_local(row)}, without a name")


def full_name(row: Mapping[str, Any]) -> str:
    """The name of a tunnel that has one, with its suffix."""
    return title(row).partition(":")[0]


def show_ways(app: App, row: Mapping[str, Any]) -> None:
    """Where a tunnel leads, and how others reach it."""
    app.out.line(f"Local:  {'http://' if row['kind'] == 'http' else ''}{_local(row)}")
    for url in row["urls"]:
        app.out.line(f"Global: {url}")
    if not row["urls"]:
        far = app.ask("GET", "/v1/id")["peer_id"] + (f":{row['port']}" if row["port"] is not None else "")
        app.out.line(f'Global: "beam forward {far} 8080" over there')


def note_rivals(app: App, name: str) -> None:
    """Say so when somebody else claims a name (with its suffix), too: it leads nowhere for those who know of both."""
    with suppress(BeamError):  # the tunnel is up, which must not end for want of a remark
        if any(conflict["name"] == name for conflict in app.ask("GET", "/v1/conflicts")["conflicts"]):
            app.out.note(RIVALS)


def note_how_to_open(app: App, row: Mapping[str, Any]) -> None:
    """Say how a web address is opened, since no browser knows the suffix by itself."""
    if row["kind"] == "http" and row["urls"]:
        app.out.note(HOW_TO_OPEN)


def nothing_there(row: Mapping[str, Any]) -> str:
    """The warning for a tunnel whose target does not answer."""
    return f"Warning: nothing answers at {_local(row)} yet; it is offered all the same, and works once something does."


def _local(row: Mapping[str, Any]) -> str:
    return str(row["target"]).replace("127.0.0.1:", "localhost:")


def _warn_if_nowhere(app: App, who: str) -> None:
    """Say so when `who` is a name that leads nowhere now; the forward stays, since that may change."""
    from beam_actors.values import PeerId  # noqa: PLC0415 (50 ms that only this command needs)

    if who.startswith("/"):
        return  # an address
    try:
        PeerId.parse(who)
    except InvalidValue:
        try:
            app.ask("POST", "/v1/resolve", {"name": who})
        except BeamError as error:
            if getattr(error, "remote_code", None) not in _NOWHERE:
                return  # the daemon restarts or is busy, which says nothing of the name
            app.out.note(f"Warning: {error} The forward stays and tries anew for each connection.")


def _far_end(row: Mapping[str, Any]) -> str:
    return row["destination"] if row["port"] is None else f"{row['destination']}:{row['port']}"
