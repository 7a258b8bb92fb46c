"""`register`, `release`, `names`, `resolve`, `pin` and `unpin`: names and their owners."""

import click

from beam_actors.cli.context import App, beam_command
from beam_actors.cli.daemon import ensure_daemon
from beam_actors.cli.output import counted, duration


@click.command
@click.argument("name")
@click.option("--contest", is_flag=True, help="Claim it although somebody is known to hold it.")
@beam_command
def register(app: App, name: str, *, contest: bool) -> None:
    """Claim NAME for this machine's owner."""
    ensure_daemon(app.home, app.out.note)
    answer = app.ask("POST", "/v1/register", {"name": name, "contest": contest})
    if app.out.as_json:
        app.out.data(answer)
        return
    out = app.out
    out.styled(f"✅ Name registered: {answer['full']}", fg="green")
    out.line(f"🌐 Peer: {answer['peer_id']}")
    out.line(f"📡 Told {counted(answer['told'], 'peer')}")
    out.line(f"🔒 Signed by owner {answer['owner']}")
    out.line()
    for other in answer["look_alikes"]:
        out.note(f"Take care: it is easily taken for {other}, which you own or have pinned.")
    if answer["url"]:
        out.line(f"Now reachable as {answer['url']}")
    else:
        out.line(f"Nothing is offered under it yet: `beam expose PORT --name {answer['name']}`.")


@click.command
@click.argument("name")
@beam_command
def release(app: App, name: str) -> None:
    """Give up NAME, so that others may claim it."""
    answer = app.ask("POST", "/v1/release", {"name": name})
    if app.out.as_json:
        app.out.data(answer)
        return
    app.out.line(f"Released: {answer['name']}")


@click.command
@click.argument("name")
@beam_command
def resolve(app: App, name: str) -> None:
    """Who owns NAME and which peer serves it, as this machine's browser would be led."""
    answer = app.ask("POST", "/v1/resolve", {"name": name})
    if app.out.as_json:
        app.out.data(answer)
        return
    out = app.out
    out.line(f"name    {answer['name']}")
    out.line(f"owner   {answer['owner']}")
    out.line(f"peer    {answer['peer_id']}")
    out.line(f"source  {answer['source']}, {duration(answer['age_s'])} old")
    if answer["address"]:
        out.line(f"address {answer['address']}")


@click.command
@click.argument("name")
@click.argument("owner", required=False)
@beam_command
def pin(app: App, name: str, owner: str | None) -> None:
    """Hold on to OWNER for NAME (by default to the one that it resolves to now)."""
    answer = app.ask("POST", "/v1/pin", {"name": name, "owner": owner})
    if app.out.as_json:
        app.out.data(answer)
        return
    app.out.line(f"📌 {answer['name']} is pinned to owner {answer['owner']}")


@click.command
@click.argument("name")
@beam_command
def unpin(app: App, name: str) -> None:
    """Forget the pin of NAME."""
    answer = app.ask("POST", "/v1/unpin", {"name": name})
    if app.out.as_json:
        app.out.data(answer)
        return
    app.out.line(f"No longer pinned: {answer['name']}")


@click.group(invoke_without_command=True)
@beam_command
def names(app: App) -> None:
    """The names that you own or have pinned; `names conflicts` lists the contested ones."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    answer = app.ask("GET", "/v1/names")
    if app.out.as_json:
        app.out.data(answer)
        return
    rows = [
        (
            row["full"],
            row["relation"],
            row["owner"],
            "-" if row["expires_in_s"] is None else duration(row["expires_in_s"]),
            row["url"] or "-",
        )
        for row in answer["names"]
    ]
    app.out.table(
        ("name", "is", "owner", "expires in", "url"), rows, empty="No names; `beam register NAME` claims one."
    )


@names.command
@beam_command
def conflicts(app: App) -> None:
    """The names that several owners claim, with the choices."""
    answer = app.ask("GET", "/v1/conflicts")
    if app.out.as_json:
        app.out.data(answer)
        return
    rows = [
        (
            conflict["name"],
            choice["owner"],
            duration(choice["held_for_s"]),
            conflict["settled_by"] or "nothing",
            ", ".join(choice["peer_ids"]),
        )
        for conflict in answer["conflicts"]
        for choice in conflict["choices"]
    ]
    app.out.table(("name", "owner", "held for", "decided by", "peers"), rows, empty="No name is contested.")
    if rows:
        app.out.note("Choose with `beam pin NAME OWNER`.")
