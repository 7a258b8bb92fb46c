"""`register`, `release`, `names` and `resolve`: names and their owners."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import click

from beam_actors.cli.claiming import NEW_OWNER, PATIENCE, claim, note_gave_up, replaced_by
from beam_actors.cli.context import App, beam_command
from beam_actors.cli.daemon import ensure_daemon
from beam_actors.cli.output import counted, duration
from beam_actors.cli.slips import near
from beam_actors.cli.tables import NOTHING
from beam_actors.cli.tunnel_commands import note_rivals
from beam_actors.cli.typed import check_name, name_of, plain_name
from beam_actors.cli.watching import watch_names
from beam_actors.errors import BeamError, NameNotFound, UsageError

_WHOSE = {"own": "yours", "pin": "pinned", "other": "another owner's"}

_REASONS = {
    "own": ("your own names go first", "the name is yours here"),
    "petname": ("it is pinned here", "the name is a petname of yours, and leads elsewhere"),
    "pin": ("it is pinned here", "another is pinned here"),
    "settled": ("nobody else held it here for three days", "another held it here for long before"),
    "work": ("it shows four times the work of any other", "another shows four times the work"),
    None: ("nobody else holds it", "several claim it and you chose none"),
}
"""What settles a contested name here -> why a choice is used, and why another is not."""


_LET_GO = {"petname": ("a petname here", "petname --forget"), "pin": ("pinned here", "unpin")}
"""What is bound and not own, by its relation: what it is, and the command that lets it go."""
_ELSEWHERE = (
    "Those elsewhere are claimed by other machines of yours: `beam register NAME` has this one serve a name, too, and "
    "`beam release NAME` gives it up for all of them."
)


@click.command
@click.argument("name")
@click.option("--contest", is_flag=True, help="Claim it although somebody is known to hold it.")
@click.option(
    "--work",
    type=click.IntRange(1, 32),
    metavar="LEVEL",
    help="Do more work for it than must be, in the background: each level doubles it, and who is two above every "
    "rival has the name. A lower LEVEL takes the place of a higher one, and --work 1 ends it.",
)
@beam_command
def register(app: App, name: str, work: int | None, *, contest: bool) -> None:
    """Claim NAME for this machine's owner."""
    name = name_of(name)
    ensure_daemon(app.home, app.out.note, check=lambda: check_name(name))
    answer = claim(app, name, contest=contest, work=work)
    further = None if work == 1 else work
    if app.out.as_json:
        app.out.data({**answer, "further_work": further})
        return
    out = app.out
    out.styled(f"✅ {'Name registered' if answer['new'] else 'Yours already'}: {answer['full']}", fg="green")
    out.line(f"🌐 Peer: {answer['peer_id']}")
    out.prose(f"📡 {_told(answer['told'], new=answer['new'])}")
    out.line(f"🔒 Signed by owner {answer['owner']}")
    out.line()
    for other in answer["look_alikes"]:
        out.note(f"Take care: it is easily taken for {other}, which you own or have pinned.")
    note_rivals(app, answer["full"])
    note_gave_up(app, answer)
    if answer["url"]:
        out.line(f"Now reachable as {answer['url']}")
    else:
        out.prose(f"Nothing is offered under it yet: `beam expose PORT --name {answer['name']}`.")
    if work == 1:
        out.prose("No more work than must be is done for it.")
    elif further is not None:
        out.prose(
            f"Work up to level {further} goes on in the background; `beam register {answer['name']} --work 1` ends it. "
            "While nobody else claims the name, nothing shows how far it is; then `beam names conflicts` does."
        )


def _told(peers: int, *, new: bool) -> str:
    if not peers:
        return "No peer is connected yet; each hears of it as it comes"
    return f"Told {counted(peers, 'peer')}" if new else f"Connected to {counted(peers, 'peer')}, which hear of changes"


@click.command
@click.argument("name")
@beam_command
def release(app: App, name: str) -> None:
    """Give up NAME, on all your machines, so that others may claim it."""
    try:
        answer = app.ask("POST", "/v1/release", {"name": name_of(name)}, timeout=PATIENCE)
    except BeamError as error:
        if getattr(error, "remote_code", None) == NameNotFound.code:
            _check_bound(app, name)
        raise
    if app.out.as_json:
        app.out.data(answer)
        return
    if answer["signed"]:
        app.out.line(f"Released: {answer['name']}")
        return
    app.out.prose(f"Forgotten: {answer['name']}. Your keys were revoked and sign nothing any more, so no peer is told.")


def _check_bound(app: App, name: str) -> None:
    """Raise `NameNotFound` for what is a petname or pinned here and not own, with what lets it go."""
    try:
        label, rows = plain_name(name), app.ask("GET", "/v1/names")["names"]
    except BeamError:  # then what was asked first is told
        return
    found = next((row["relation"] for row in rows if row["name"] == label and row["relation"] in _LET_GO), None)
    if found is None:
        return
    what, way = _LET_GO[found]
    raise NameNotFound(f"{label} is {what}, and no name of yours: `beam {way} {label}` lets it go.")


@click.command
@click.argument("name")
@beam_command
def resolve(app: App, name: str) -> None:
    """Who owns NAME and which peer serves it, as this machine's browser would be led."""
    answer = app.ask("POST", "/v1/resolve", {"name": name_of(name)})
    if app.out.as_json:
        app.out.data(answer)
        return
    if answer["source"] == "mdns":
        app.out.facts(
            [("name", answer["name"]), ("source", "a device of this network (mDNS)"), ("address", answer["address"])]
        )
        return
    facts = [
        ("name", answer["name"]),
        ("owner", answer["owner"]),
        *(("peer", peer) for peer in answer["peer_ids"]),
        ("source", f"{answer['source']}, {duration(answer['age_s'])} old"),
    ]
    if answer["address"]:
        facts.append(("address", f"{answer['address']} (on this machine, where Beam serves the name)"))
    app.out.facts(facts)


class _Names(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say what there is instead of a word that is no command here, such as `list`."""
        if args[0] not in self.commands and not args[0].startswith("-"):
            if near(args[0], list(self.commands)):
                raise click.UsageError(
                    f"`beam names` has no {args[0]!r}: did you mean `beam names conflicts`? By itself it lists your "
                    "names.",
                    ctx,
                )
            raise click.UsageError(
                f"`beam names` has no {args[0]!r}: it lists your names by itself, and `beam names conflicts` the "
                "contested ones.",
                ctx,
            )
        return super().resolve_command(ctx, args)


@click.group(cls=_Names, invoke_without_command=True)
@click.option("-w", "--watch", is_flag=True, help="Say what happens to them until Ctrl-C, and what did lately.")
@beam_command
def names(app: App, *, watch: bool) -> None:
    """The names that you own or have pinned, and petnames; `names conflicts` lists the contested ones."""
    if (word := click.get_current_context().invoked_subcommand) is not None:
        if watch:
            raise UsageError(f"`beam names {word}` shows what is now; `beam names --watch` goes on, for all names.")
        return
    if watch:
        watch_names(app)
        return
    answer = app.ask("GET", "/v1/names")
    if app.out.as_json:
        app.out.data(answer)
        return
    rows = [
        (
            row["full"],
            _is(row),
            row["owner"],
            _left(row),
            row["url"] or NOTHING,
        )
        for row in answer["names"]
    ]
    refusal = _refusal(app, answer["names"])
    app.out.table(
        ("name", "is", "owner", "claim", "url"),
        rows,
        empty="No names." if refusal is not None else "No names; `beam register NAME` claims one.",
        spare=("url",),
    )
    if refusal is not None:
        app.out.note(refusal)
    elif not all(row.get("here", True) for row in answer["names"]):
        app.out.note(_ELSEWHERE)
    if any(row.get("contested") for row in answer["names"]):
        app.out.note(
            "Those contested are claimed by others, too: `beam names conflicts` shows by whom, and who is used."
        )


def _refusal(app: App, rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Why this machine can neither claim nor release a name of the owner's, and what to do; None if it can."""
    own = [row for row in rows if row["relation"] == "own"]
    eras = [row.get("replaced_by_era") for row in own if not row["revoked"]]
    if not own:  # then no row says it
        with suppress(BeamError):
            owner = app.ask("GET", "/v1/id")
            if owner["revoked"]:
                return f"Your keys were revoked, so you can claim no name any more: {NEW_OWNER}."
            eras = [owner.get("replaced_by_era")]
    era = max((one for one in eras if one is not None), default=None)
    return None if era is None else replaced_by(era)


def _is(row: Mapping[str, Any]) -> str:
    """What a name is here."""
    if row["relation"] == "petname":
        return f"petname of {row['target']}"
    marks = [str(row["relation"])]
    if row["relation"] == "own":
        marks += [] if row.get("here", True) else ["elsewhere"]
        marks += [] if row["pinned_by"] is None else ["pinned"]
        marks += [] if row.get("replaced_by_era") is None else ["key replaced"]
    elif row["pinned_by"] not in {None, "command"}:
        marks.append("by use")
    return ", ".join([*marks, *(["contested"] if row.get("contested") else [])])


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
            _WHOSE[choice["relation"]] + (" (signed two claims at once)" if choice["equivocates"] else ""),
            choice["owner"],
            f"{_day(choice['since'])} ({duration(choice['held_for_s'])})",
            _why(conflict, choice),
            _how_to_choose(app.out.program, conflict, choice),
            f"https://{choice['always']}",
            ", ".join(choice["peer_ids"]),
            str(choice["level"]),
        )
        for conflict in answer["conflicts"]
        for choice in conflict["choices"]
    ]
    app.out.table(
        ("name", "whose", "owner", "known since", "used here", "to choose it", "always opens it", "peers", "work"),
        rows,
        empty="No name is contested.",
        whole=("owner", "to choose it", "always opens it"),
    )


def _why(conflict: Mapping[str, Any], choice: Mapping[str, Any]) -> str:
    """Whether a choice is used on this machine, and why."""
    settled = conflict["settled_by"]
    if settled == "pin" and not any(other["used"] for other in conflict["choices"]):
        return "no: the owner that you pinned does not hold it now"
    used, unused = _REASONS[settled]
    return f"yes: {used}" if choice["used"] else f"no: {unused}"


def _how_to_choose(beam: str, conflict: Mapping[str, Any], choice: Mapping[str, Any]) -> str:
    """What to type so that a choice is used on this machine."""
    if choice["used"]:
        return NOTHING
    name = str(conflict["name"]).partition(".")[0]
    pin = f"{beam} pin {name} {choice['owner']}"
    return f"{beam} release {name} && {pin}" if conflict["settled_by"] == "own" else pin


def _left(row: Mapping[str, Any]) -> str:
    """How long the claim of a name counts yet, unless it is renewed."""
    seconds = row["expires_in_s"]
    if row["revoked"]:
        return "revoked"
    if row.get("given_up"):
        return "given up"
    if seconds is None:
        waits = "being claimed" if row.get("replaced_by_era") is None else "not claimed"
        return waits if row["relation"] == "own" else NOTHING
    return f"{duration(seconds)} left" if seconds > 0 else "ended"


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
