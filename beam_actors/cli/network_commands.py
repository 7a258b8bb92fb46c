"""`id`, `status`, `peers`, `connect`, `disconnect` and `ping`: this node and the network around it."""

import shlex
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click

from beam_actors import __version__
from beam_actors.cli.claiming import NEW_OWNER, replaced_by
from beam_actors.cli.context import App, beam_command
from beam_actors.cli.output import amount, counted, duration
from beam_actors.cli.tables import NOTHING
from beam_actors.cli.typed import name_of, parse_address, parse_peer
from beam_actors.errors import BeamError

_REVOKED = f"Your keys were revoked, so no name of yours leads anywhere: {NEW_OWNER}."


@click.command("id")
@beam_command
def show_id(app: App) -> None:
    """This machine's peer id, its owner, and the addresses that others connect to."""
    answer = app.ask("GET", "/v1/id")
    if app.out.as_json:
        app.out.data(answer)
        return
    replaced = answer.get("replaced_by_era")
    app.out.facts(
        [
            ("peer", answer["peer_id"]),
            ("owner", answer["owner"]),
            *([("revoked", "yes")] if answer["revoked"] else []),
            *([] if replaced is None else [("replaced", f"yes, by one of era {replaced}")]),
            *(("address", address) for address in answer["addresses"]),
        ]
    )
    if answer["revoked"]:
        app.out.note(_REVOKED)
    elif replaced is not None:
        app.out.note(replaced_by(replaced))


@click.command
@beam_command
def status(app: App) -> None:
    """What the daemon does right now."""
    answer = app.ask("GET", "/v1/status")
    if app.out.as_json:
        app.out.data(answer)
        return
    out = app.out
    out.styled(f"⚡ Beam v{__version__}", bold=True)
    out.line()
    out.line(f"🌐 Peer: {answer['peer_id']}")
    out.line(f"📊 Status: connected to {counted(answer['peers'], 'peer')}")
    out.line(f"🔗 Offers {counted(answer['tunnels'], 'tunnel')}, holds {counted(answer['names'], 'name')}")
    if answer["revoked"]:
        out.prose(f"🔒 {_REVOKED}")
    if (replaced := answer.get("replaced_by_era")) is not None:
        out.prose(f"🔒 {replaced_by(replaced)}")
    out.line(f"⏱  Up for {duration(answer['uptime_s'])}, network {answer['network']}")
    out.line()
    for what in ("dns", "https", "http"):
        out.line(f"{what.upper() + ':':<7}{answer[what] or 'off'}")
    if answer["https"]:
        with suppress(BeamError):  # the certificate's server may be restarting
            _show_curl(app, answer)


def _show_curl(app: App, status: Mapping[str, Any]) -> None:
    """The line that opens a name without any set-up, with a real name where one is known: it works as pasted."""
    rows = app.ask("GET", "/v1/names")["names"]  # where the key was replaced a name leads to another machine, at best
    known = [row["full"] for row in rows if row["url"] and row.get("replaced_by_era") is None]
    name = known[0] if known else f"NAME.{status['suffix']}"
    words = ("--cacert", app.ask("GET", "/v1/ca")["path"], "--connect-to", f"{name}:443:{status['https']}")
    app.out.line()
    app.out.line("Open a name without any set-up of this machine:")
    app.out.line(f"  {shlex.join(('curl', *words, f'https://{name}'))}")


@click.command
@beam_command
def peers(app: App) -> None:
    """The peers that are connected or wanted."""
    answer = app.ask("GET", "/v1/peers")
    if app.out.as_json:
        app.out.data(answer)
        return
    rows = [
        (
            peer["peer_id"],
            peer["state"],
            "yes" if peer.get("kept") else NOTHING,
            peer["path"] or NOTHING,
            NOTHING if peer["rtt_ms"] is None else f"{peer['rtt_ms']:.1f} ms",
            peer["agent"] or NOTHING,
            amount(peer["bytes_sent"]),
            amount(peer["bytes_received"]),
            peer["failure"] or NOTHING,
        )
        for peer in answer["peers"]
    ]
    app.out.table(
        ("peer", "state", "kept", "path", "rtt", "agent", "sent", "received", "last failure"),
        rows,
        empty="No peers yet; `beam connect MULTIADDR` meets one.",
        spare=("agent", "received", "sent"),
        prose="last failure",
    )


@click.command
@click.argument("multiaddr")
@beam_command
def connect(app: App, multiaddr: str) -> None:
    """Connect to the peer at MULTIADDR, a line `address` of the other side's `beam id`."""
    answer = app.ask("POST", "/v1/connect", {"address": str(parse_address(multiaddr))})
    if app.out.as_json:
        app.out.data(answer)
        return
    app.out.line(f"🌐 Connected to {answer['peer_id']}")


@click.command
@click.argument("peer")
@beam_command
def disconnect(app: App, peer: str) -> None:
    """Take `connect` back: PEER is dialled no more, also after a restart, and what is open to it is closed.

    PEER is its id, as `beam peers` shows it, or any address with that id at its end, such as was given to `connect`.

    It keeps nobody out: PEER may connect again by itself, be met through others, and is dialled when a name or a
    forward leads there. Who may open what this machine offers is what --allow says, where it is offered.
    """
    answer = app.ask("POST", "/v1/disconnect", {"peer": str(parse_peer(peer))})
    if app.out.as_json:
        app.out.data(answer)
        return
    if answer["sessions"]:
        app.out.line(f"🌐 Disconnected from {answer['peer_id']}")
    else:
        app.out.line(f"🌐 No longer dialled: {answer['peer_id']} (it was not connected)")
    if answer["bootstrap"]:
        app.out.note("This daemon was started with it as --bootstrap: the next start with that connects to it again.")
    app.out.note("It may connect again by itself: nothing keeps it out.")


@click.command
@click.argument("peer_or_name")
@beam_command
def ping(app: App, peer_or_name: str) -> None:
    """Measure a round trip to a peer, and say whether the path is direct."""
    answer = app.ask("POST", "/v1/ping", {"target": name_of(peer_or_name)})
    if app.out.as_json:
        app.out.data(answer)
        return
    app.out.prose(f"{answer['peer_id']}: {answer['rtt_ms']:.2f} ms, {answer['path']} ({answer['why']})")
