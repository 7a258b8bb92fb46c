"""`pin`, `unpin` and `petname`: what a person binds names of others to, on this machine alone."""

import click

from beam_actors.cli.context import App, beam_command
from beam_actors.cli.typed import name_of, parse_owner
from beam_actors.errors import UsageError


@click.command
@click.argument("name")
@click.argument("owner", required=False)
@beam_command
def pin(app: App, name: str, owner: str | None) -> None:
    """Hold on to OWNER for NAME (by default to the one that it resolves to now)."""
    whom = None if owner is None else str(parse_owner(owner))
    answer = app.ask("POST", "/v1/pin", {"name": name_of(name), "owner": whom})
    if app.out.as_json:
        app.out.data(answer)
        return
    app.out.prose(f"📌 {answer['name']} is pinned to owner {answer['owner']}")
    if answer.get("before"):
        app.out.note(f"It was pinned to {answer['before']} before.")


@click.command
@click.argument("name")
@beam_command
def unpin(app: App, name: str) -> None:
    """Forget the pin of NAME."""
    answer = app.ask("POST", "/v1/unpin", {"name": name_of(name)})
    if app.out.as_json:
        app.out.data(answer)
        return
    app.out.line(f"No longer pinned: {answer['name']}")


@click.command
@click.argument("petname")
@click.argument("name", required=False)
@click.option("--forget", is_flag=True, help="Let it mean nothing here any more.")
@beam_command
def petname(app: App, petname: str, name: str | None, *, forget: bool) -> None:
    """Call NAME by PETNAME on this machine: `beam petname anna cottage.OWNER`, then https://anna.local.

    NAME without an owner means whoever it leads to now. Nobody else hears of a petname.
    """
    if forget == (name is not None):
        raise UsageError("Give the NAME that the petname is to stand for, or --forget.")
    if forget:
        answer = app.ask("POST", "/v1/forget-petname", {"petname": name_of(petname)})
    else:
        answer = app.ask("POST", "/v1/petname", {"petname": name_of(petname), "name": name_of(name or "")})
    if app.out.as_json:
        app.out.data(answer)
    elif forget:
        app.out.line(f"No longer a petname: {petname}")
    else:
        called = answer.get("petname", petname)  # a daemon of before does not say it
        app.out.prose(f"📌 {called} stands for {answer['name']} of owner {answer['owner']}, on this machine")
        if answer.get("before"):
            app.out.note(f"It stood for {answer['before']} before.")
        if answer.get("covers_own"):
            app.out.note(
                f"Another machine of yours holds that name, which is reached here as {answer['covers_own']} alone from "
                "now on."
            )
        for other in answer.get("covers", ()):
            app.out.note(f"Somebody holds that name, too, which is reached here as {other} alone from now on.")
